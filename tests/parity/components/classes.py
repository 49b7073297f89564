"""The classes that a record of a component is about."""

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from tests.parity import scenes
from tests.parity.records import value_of


def classes_of(fields, num_classes):
    """Returns a data set as a record describes it; what it leaves out, as drawn.

    Args:
      fields: the record's.
      num_classes: how many classes its arrays have.
    """
    things = set(fields.get("thing_classes", scenes.THINGS))
    return DatasetInfo(
        name="record",
        classes=tuple(
            ClassInfo(i, str(i), i in things, (0, 0, 0), i) for i in range(num_classes)
        ),
        num_classes=num_classes,
        ignore_label=value_of(
            fields, "ignore_label", "ignored_label", default=scenes.IGNORE
        ),
        label_divisor=value_of(fields, "label_divisor", default=scenes.DIVISOR),
        ignore_depth=value_of(fields, "ignore_depth", default=0.0),
    )


def classes_in(fields, *maps):
    """Returns a data set with the classes of label maps, unless a record counts them.

    Args:
      fields: the record's.
      maps: label maps with instances.
    """
    divisor = value_of(fields, "label_divisor", default=scenes.DIVISOR)
    ignore = value_of(fields, "ignore_label", "ignored_label", default=scenes.IGNORE)
    ids = {int(i) for labels in maps for i in set((labels // divisor).flat)} - {ignore}
    ids |= set(fields.get("thing_classes", ()))
    return classes_of(fields, value_of(fields, "num_classes", default=1 + max(ids)))
