"""The label maps that the records of metrics are about."""

from tests.parity.components.classes import classes_in

# Fields that are no results.
INPUTS = (
    "ground_truth",
    "prediction",
    "num_classes",
    "ignored_label",
    "ignore_label",
    "label_divisor",
    "thing_classes",
)


def classes(fields):
    """Returns the data set that the label maps of a record are of."""
    return classes_in(fields, fields["ground_truth"], fields["prediction"])


def pairs(fields):
    """Returns ground truth and prediction of each image."""
    return zip(fields["ground_truth"], fields["prediction"], strict=True)


def with_maps(record, start, other):
    """Returns a record's fields, with the label maps of its companion if it has none.

    The companion is called the same, with another beginning.
    """
    if "ground_truth" in record.fields:
        return record.fields
    maps = record.beside(record.name.replace(start, other, 1)).fields
    return maps | record.fields
