"""A data set with as many classes as a test needs."""

from deeplab.core.dataset_info import ClassInfo, DatasetInfo


def numbered_dataset(num_classes: int) -> DatasetInfo:
    """Returns a data set whose last two classes are things."""
    classes = tuple(
        ClassInfo(i, f"class {i}", i >= num_classes - 2, (i, i, i), i)
        for i in range(num_classes)
    )
    return DatasetInfo(
        "numbered", classes, num_classes, ignore_label=255, label_divisor=100
    )
