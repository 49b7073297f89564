"""Matching of instances in two maps, so that both show them in the same colours."""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.labels import LabelSpace


def numbered_like(
    panoptic: np.ndarray, reference: np.ndarray, info: DatasetInfo
) -> np.ndarray:
    """Relabels every instance with the label of the matching reference instance.

    Two instances match if they have the same class and an IoU above 0.5, so that
    matches are unique. Other instances get ids that the reference does not use.

    Args:
      panoptic: `[h, w]` integer labels.
      reference: `[h, w]` integer labels.
      info: description of the data set.

    Returns:
      `[h, w]` labels; those of stuff, crowds and void are unchanged.
    """
    found, inverse, areas = np.unique(panoptic, return_inverse=True, return_counts=True)
    others, other_inverse, other_areas = np.unique(
        reference, return_inverse=True, return_counts=True
    )
    pairs = inverse.reshape(-1) * len(others) + other_inverse.reshape(-1)
    shared = np.bincount(pairs, minlength=len(found) * len(others))
    shared = shared.reshape(len(found), len(others))
    union = areas[:, None] + other_areas - shared
    taken = set(others.tolist())
    renamed = found.copy()
    for i, label in enumerate(found.tolist()):
        class_id, instance = info.label_space.decode(label)
        if class_id not in info.thing_ids or not instance:
            continue
        match = others[np.argmax(shared[i] / union[i])]
        matches = (shared[i] / union[i]).max() > 0.5
        if matches and info.label_space.class_of(match) == class_id:
            renamed[i] = match
        else:
            renamed[i] = _free_label(class_id, taken, info.label_space)
            taken.add(int(renamed[i]))
    return renamed[inverse.reshape(panoptic.shape)]


def _free_label(class_id: int, taken: set[int], labels: LabelSpace) -> int:
    """Returns an unused label of a class, or the last label if all are used."""
    candidates = range(1, labels.max_instances + 1)
    unused = (
        label
        for label in (labels.encode(class_id, i) for i in candidates)
        if label not in taken
    )
    last = labels.encode(class_id, candidates[-1])
    return next(unused, last)
