"""Panoptic labels of videos whose files have a class and an instance per pixel."""

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
    """Returns panoptic labels; an instance has the same id throughout the video.

    Args:
      classes: `[H, W]` int32 class ids, or the ignore label.
      instances: `[H, W]` int32 instance ids; 0 for crowds. Ids of stuff and void are
        ignored.
      info: the data set.
      crowd_as_ignore: see `Dataset.read`.
      path: the label file, for error messages.

    Returns:
      `[H, W]` int32 panoptic labels.

    Raises:
      ValueError: a class is not in the table, or an instance id is too large for the
        label divisor.
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
                f"{path}: pixel (row {y}, column {x}) has class {value}, which is not "
                f"in data set {info.name!r}"
            )
    is_thing = np.isin(classes, info.thing_ids)
    instances = np.where(is_thing, instances, 0)
    if instances.max() > info.label_space.max_instances:
        raise ValueError(
            f"{path}: instance id {instances.max()}; label_divisor "
            f"{info.label_divisor} allows at most {info.label_space.max_instances}"
        )
    label = info.label_space.encode(classes, instances)
    if crowd_as_ignore:
        void = info.label_space.void
        label = np.where(is_thing & (instances == 0), void, label)
    return label.astype(np.int32)
