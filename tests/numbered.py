"""A data set and a label space with as many classes as a test needs."""

from collections.abc import Iterable

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.labels import LabelSpace


def numbered_dataset(num_classes: int) -> DatasetInfo:
    """Returns a data set whose last two classes are things."""
    classes = tuple(
        ClassInfo(i, f"class {i}", i >= num_classes - 2, (i, i, i), i)
        for i in range(num_classes)
    )
    return DatasetInfo(
        "numbered", classes, num_classes, ignore_label=255, label_divisor=100
    )


def label_space(
    num_classes: int,
    things: Iterable[int] = (),
    *,
    ignore_label: int = 255,
    label_divisor: int = 1000,
) -> LabelSpace:
    """Returns the labels of classes from 0 on, some of which are things."""
    thing_ids = tuple(things)
    others = set(range(num_classes)) - {*thing_ids, ignore_label}
    return LabelSpace(
        num_classes, thing_ids, tuple(sorted(others)), ignore_label, label_divisor
    )
