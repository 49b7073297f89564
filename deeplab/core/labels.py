"""Panoptic label algebra: `label = class_id * label_divisor + instance_id`.

The only place where the divisor is multiplied, divided or taken a remainder of.
Works on ints, NumPy arrays and TensorFlow tensors alike, keeping their dtype.
Instance id 0 of a thing class is a crowd region (things that nobody told apart).
"""

from __future__ import annotations

from typing import Any


def encode(class_id: Any, instance_id: Any, label_divisor: int) -> Any:
    """Returns panoptic labels of class and instance ids of the same shape."""
    return class_id * label_divisor + instance_id


def decode(label: Any, label_divisor: int) -> tuple[Any, Any]:
    """Returns the class ids and the instance ids of panoptic labels."""
    return label // label_divisor, label % label_divisor


def class_of(label: Any, label_divisor: int) -> Any:
    """Returns the class ids of panoptic labels."""
    return label // label_divisor


def void_label(ignore_label: int, label_divisor: int) -> int:
    """Returns the panoptic label of pixels that belong to no class."""
    return ignore_label * label_divisor


def max_instances(label_divisor: int) -> int:
    """Returns how many instances of one class the divisor can tell apart."""
    return label_divisor - 1
