"""Instances as single masks with class and score, as instance formats store them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.predictions.base import LabelMap
from deeplab.predictions.run_lengths import SegmentRuns, segments
from deeplab.predictions.scores import score_map, segment_scores


class InstanceMask(NamedTuple):
    """One instance.

    Attributes:
      class_id: id of a thing class.
      score: confidence, usually 0 to 1.
      mask: `[h, w]` bool.
    """

    class_id: int
    score: float
    mask: np.ndarray


def scored_instances(
    label_map: LabelMap, info: DatasetInfo
) -> Iterator[tuple[int, float, SegmentRuns]]:
    """Yields class, score and pixels of the things of a map, by ascending label.

    Predictions have no crowds, so instance 0 is an instance like any other. Without
    scores, every score is 1.
    """
    maps = [] if label_map.scores is None else [label_map.scores]
    scores = segment_scores(label_map.panoptic, *maps)
    things = set(info.thing_ids)
    for segment in segments(label_map.panoptic):
        class_id = info.label_space.class_of(segment.label)
        if class_id in things:
            yield class_id, scores[segment.label], segment


def painted(
    masks: Iterable[InstanceMask],
    size: tuple[int, int],
    info: DatasetInfo,
    where: object,
) -> LabelMap:
    """Combines instances to a label map, numbered per class from 1; the rest is void.

    Args:
      masks: the instances.
      size: (height, width) of the map.
      info: the data set.
      where: what error messages begin with.

    Raises:
      ValueError: masks overlap or have another size, or a class has more instances than
        the label divisor allows.
    """
    void = info.label_space.void
    panoptic = np.full(size, void, np.int32)
    count = dict.fromkeys(info.thing_ids, 0)
    scores = {void: 0.0}
    for class_id, score, mask in masks:
        if mask.shape != size:
            raise ValueError(
                f"{where}: masks have different sizes: {mask.shape[0]} x "
                f"{mask.shape[1]} and {size[0]} x {size[1]} pixels"
            )
        if (panoptic[mask] != void).any():
            raise ValueError(
                f"{where}: masks overlap, but a pixel of a label map has one instance: "
                "assign it to the mask with the highest score"
            )
        count[class_id] += 1
        if count[class_id] > info.label_space.max_instances:
            raise ValueError(
                f"{where}: more than {info.label_space.max_instances} "
                f"instances of {info.by_id[class_id].name!r}"
            )
        label = info.label_space.encode(class_id, count[class_id])
        panoptic[mask] = label
        scores[label] = score
    return LabelMap(panoptic, score_map(panoptic, scores))


def thing_of(category: int, info: DatasetInfo, where: object) -> int:
    """Returns the class id of a thing's evaluation id.

    Raises:
      ValueError: no thing class has that evaluation id.
    """
    for one in info.classes:
        if one.is_thing and one.evaluation_id == category:
            return one.id
    raise ValueError(f"{where}: id {category} is not a thing class of {info.name!r}")
