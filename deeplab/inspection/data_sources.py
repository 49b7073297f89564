"""Records and their data set, as named in a config or on the command line."""

from __future__ import annotations

import os
from typing import NamedTuple

from deeplab.core.dataset_info import DatasetInfo
from deeplab.factory import dataset_info
from deeplab.protos.config_pb2 import ExperimentOptions


class DataSource(NamedTuple):
    """Records of one data set.

    Attributes:
      title: title of the records.
      patterns: patterns of their files.
      info: the data set.
    """

    title: str
    patterns: list[str]
    info: DatasetInfo


def sources_of_config(
    config: ExperimentOptions, name: str | os.PathLike[str]
) -> list[DataSource]:
    """Returns the data for training and for evaluation; once if they are the same.

    Args:
      config: the config.
      name: name of the config in error messages.

    Raises:
      ValueError: the config sets no file_pattern.
    """
    found: list[DataSource] = []
    for title, options in (
        ("train_dataset_options", config.train_dataset_options),
        ("eval_dataset_options", config.eval_dataset_options),
    ):
        if not options.file_pattern:
            continue
        source = DataSource(title, list(options.file_pattern), dataset_info(options))
        if source[1:] not in [other[1:] for other in found]:
            found.append(source)
    if not found:
        raise ValueError(f"{name}: no file_pattern is set")
    return found
