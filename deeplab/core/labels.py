"""Arithmetic of panoptic labels: `label = class_id * label_divisor + instance_id`.

No other module multiplies or divides by the divisor. Instance id 0 of a thing class
marks a crowd region, whose instances are not distinguished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LabelSpace:
    """The labels of a data set, without names and colours.

    The methods take ints, NumPy arrays or TensorFlow tensors, and keep their dtype.

    Attributes:
      num_classes: number of channels of a semantic output; class ids are below it.
      thing_ids: ids of the classes whose instances are distinguished, ascending.
      stuff_ids: ids of the other classes, ascending.
      ignore_label: class id of pixels that belong to no class.
      label_divisor: factor of the class id in a panoptic label; instance ids are
        below it.
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
        """Largest number of instances of one class that the divisor allows."""
        return self.label_divisor - 1

    def encode(self, class_id: Any, instance_id: Any) -> Any:
        """Returns the panoptic labels of class ids and instance ids of one shape."""
        return class_id * self.label_divisor + instance_id

    def decode(self, label: Any) -> tuple[Any, Any]:
        """Returns the class ids and the instance ids of panoptic labels."""
        return label // self.label_divisor, label % self.label_divisor

    def class_of(self, label: Any) -> Any:
        """Returns the class ids of panoptic labels."""
        return label // self.label_divisor
