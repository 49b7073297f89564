"""Finds a data set by its name or its description."""

from __future__ import annotations

import os
from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo, read_description
from deeplab.datasets import DATASETS


def find_data_set(
    name: str | None, description: str | os.PathLike[str] | None
) -> DatasetInfo | None:
    """Returns a data set by its description or its name; None if neither is given.

    Args:
      name: registered name.
      description: path of a JSON description, which takes precedence.

    Raises:
      ValueError: the data set is unknown, or the file does not describe one.
      OSError: the description cannot be read.
    """
    if description:
        return read_description(Path(description))
    return DATASETS.get(name)().info if name else None
