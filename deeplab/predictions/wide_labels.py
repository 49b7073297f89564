"""Labels with room for all the instances that a file may have."""

from __future__ import annotations

import dataclasses

from deeplab.core.dataset_info import DatasetInfo

# Label divisor, whatever the data set's own divisor is.
_DIVISOR = 2**16


def with_wide_labels(info: DatasetInfo) -> DatasetInfo:
    """Returns a data set whose labels have room for 65535 instances of each class."""
    return dataclasses.replace(info, label_divisor=_DIVISOR)
