"""Panoptic labels of videos, whose files give each pixel a class and an instance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.runs import areas, find_runs


def tracked_label(
    classes: np.ndarray,
    instances: np.ndarray,
    info: DatasetInfo,
    *,
    crowd_as_ignore: bool,
    path: Path,
) -> np.ndarray:
    """Returns `[H, W]` int32 labels; an instance keeps its number through the video.

    Args:
      classes: `[H, W]` int32 class ids, or the ignore label.
      instances: `[H, W]` int32; 0 for crowds. Those of stuff and void are left out.
      info: the data set.
      crowd_as_ignore: see `Dataset.read`.
      path: where they come from, for messages.

    Raises:
      ValueError: a class is not in the table, or an instance is beyond the divisor.
    """
    if classes.shape != instances.shape:
        raise ValueError(
            f"{path}: classes are {classes.shape}, instances {instances.shape}"
        )
    known = {info.ignore_label, *info.by_id}
    found, _, first = areas(find_runs(classes))
    for value, start in zip(found.tolist(), first.tolist(), strict=True):
        if value not in known:
            y, x = divmod(start, classes.shape[1])
            raise ValueError(
                f"{path}: pixel (row {y}, column {x}) has class {value}, which is none "
                f"of data set {info.name!r}"
            )
    is_thing = np.isin(classes, info.thing_ids)
    instances = np.where(is_thing, instances, 0)
    if instances.max() > info.label_space.max_instances:
        raise ValueError(
            f"{path}: instance {instances.max()}; at most "
            f"{info.label_space.max_instances} are told apart"
        )
    label = info.label_space.encode(classes, instances)
    if crowd_as_ignore:
        void = info.label_space.void
        label = np.where(is_thing & (instances == 0), void, label)
    return label.astype(np.int32)
