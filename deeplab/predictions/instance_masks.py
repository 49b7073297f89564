"""Instances as one mask each, with class and score: what files of instances hold."""

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
      class_id: of a thing.
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

    Predictions have no crowds: instance 0 is one like the others. Without scores, each
    is 1.
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
    """Returns the map of instances, numbered per class from 1; the rest is void.

    Args:
      masks: the instances.
      size: (height, width).
      info: the data set.
      where: what the message of an error begins with.

    Raises:
      ValueError: masks overlap, are of another size, or are more than the divisor
        tells apart.
    """
    void = info.label_space.void
    panoptic = np.full(size, void, np.int32)
    count = dict.fromkeys(info.thing_ids, 0)
    scores = {void: 0.0}
    for class_id, score, mask in masks:
        if mask.shape != size:
            raise ValueError(
                f"{where}: masks of {mask.shape[0]} x {mask.shape[1]} and of "
                f"{size[0]} x {size[1]} pixels"
            )
        if (panoptic[mask] != void).any():
            raise ValueError(
                f"{where}: masks overlap; in a label map a pixel has one instance: "
                "leave it to the surest"
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
    """Returns the class of an evaluation id.

    Raises:
      ValueError: it belongs to no thing.
    """
    for one in info.classes:
        if one.is_thing and one.evaluation_id == category:
            return one.id
    raise ValueError(f"{where}: id {category} is not a thing class of {info.name!r}")
