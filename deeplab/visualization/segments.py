"""The segments of a panoptic map: class, location, area and confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deeplab.core.dataset_info import DatasetInfo


@dataclass(frozen=True)
class Segment:
    """A region of one panoptic label.

    Attributes:
      id: the panoptic label.
      class_id: class of the region.
      class_name: name of the class; "class <id>" if the id is not a class.
      instance: instance id; 0 for stuff and crowds.
      is_thing: whether the class has instances.
      area: number of pixels.
      box: bounding box (x, y, width, height) in pixels.
      score: mean confidence over the region, 0 to 1; None if unknown.
    """

    id: int
    class_id: int
    class_name: str
    instance: int
    is_thing: bool
    area: int
    box: tuple[int, int, int, int]
    score: float | None = None


def find_segments(
    panoptic: np.ndarray, info: DatasetInfo, scores: np.ndarray | None = None
) -> list[Segment]:
    """Returns the segments of a panoptic map, sorted by label, without void.

    Args:
      panoptic: `[h, w]` integer labels.
      info: description of the data set.
      scores: `[h, w]`, confidence of the instance at each pixel; values above 1, which
        heatmaps may have, count as 1.
    """
    found, inverse, areas = np.unique(panoptic, return_inverse=True, return_counts=True)
    order = np.argsort(inverse.reshape(-1), kind="stable")
    starts = np.cumsum(areas) - areas
    areas = areas.tolist()
    rows, columns = np.divmod(order, panoptic.shape[1])
    top, left = (np.minimum.reduceat(v, starts) for v in (rows, columns))
    bottom, right = (np.maximum.reduceat(v, starts) for v in (rows, columns))
    sums = None
    if scores is not None:
        sums = np.add.reduceat(
            np.minimum(scores.ravel()[order], 1.0, dtype=float), starts
        ).tolist()
    segments = []
    for i, label in enumerate(found.tolist()):
        class_id, instance = info.label_space.decode(label)
        one = info.by_id.get(class_id)
        if class_id == info.ignore_label:
            continue
        is_thing = one is not None and one.is_thing
        x, y = int(left[i]), int(top[i])
        segments.append(
            Segment(
                id=label,
                class_id=class_id,
                class_name=one.name if one else f"class {class_id}",
                instance=instance,
                is_thing=is_thing,
                area=areas[i],
                box=(x, y, int(right[i]) - x + 1, int(bottom[i]) - y + 1),
                score=None if sums is None or not is_thing else sums[i] / areas[i],
            )
        )
    return segments
