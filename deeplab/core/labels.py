"""What labels mean for arithmetic: `label = class_id * label_divisor + instance_id`.

The only place where the divisor is multiplied, divided or taken a remainder of.
Instance id 0 of a thing class is a crowd region (things that nobody told apart).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LabelSpace:
    """The labels of a data set, without what people call them.

    The methods take ints, NumPy arrays and TensorFlow tensors alike, and keep their
    dtype.

    Attributes:
      num_classes: channels of a semantic output; class ids are below it.
      thing_ids: classes whose instances are told apart, ascending.
      stuff_ids: the other classes, ascending.
      ignore_label: class id of pixels that belong to no class.
      label_divisor: what a class id is multiplied by in a panoptic label; instance
        ids are below it.
    """

    num_classes: int
    thing_ids: tuple[int, ...]
    stuff_ids: tuple[int, ...]
    ignore_label: int
    label_divisor: int

    @property
    def void(self) -> int:
        """The panoptic label of pixels that belong to no class."""
        return self.encode(self.ignore_label, 0)

    @property
    def max_instances(self) -> int:
        """How many instances of one class the divisor can tell apart."""
        return self.label_divisor - 1

    def encode(self, class_id: Any, instance_id: Any) -> Any:
        """Returns the panoptic labels of class and instance ids of the same shape."""
        return class_id * self.label_divisor + instance_id

    def decode(self, label: Any) -> tuple[Any, Any]:
        """Returns the class ids and the instance ids of panoptic labels."""
        return label // self.label_divisor, label % self.label_divisor

    def class_of(self, label: Any) -> Any:
        """Returns the class ids of panoptic labels."""
        return label // self.label_divisor
