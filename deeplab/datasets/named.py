"""A data set by its name or by a description of it."""

from __future__ import annotations

import os
from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo, read_description
from deeplab.datasets import DATASETS


def find_data_set(
    name: str | None, description: str | os.PathLike[str] | None
) -> DatasetInfo | None:
    """Returns a data set that is described or named; None if it is neither.

    Args:
      name: registered name.
      description: path of a JSON description, which comes first.

    Raises:
      ValueError: there is no such data set, or the file does not describe one.
      OSError: the description cannot be read.
    """
    if description:
        return read_description(Path(description))
    return DATASETS.get(name)().info if name else None
