"""Confidence scores of predicted segments, by which instance metrics rank them.

As in DeepLab2, the score of an instance is the mean probability of its class times the
mean score of its mask.
"""

from __future__ import annotations

import numpy as np

from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Prediction
from deeplab.datasets.runs import areas, find_runs


def segment_scores(panoptic: np.ndarray, *maps: np.ndarray) -> dict[int, float]:
    """Returns label -> product of the means of the maps over its segment.

    Args:
      panoptic: `[h, w]` integer labels.
      *maps: `[h, w]` float maps; without maps, every score is 1.
    """
    runs = find_runs(panoptic)
    found, pixels, _ = areas(runs)
    segment = np.searchsorted(found, runs.values)
    scores = np.ones(len(found))
    for one in maps:
        sums = np.add.reduceat(one.ravel(), runs.starts, dtype=np.float64)
        scores *= np.bincount(segment, sums, minlength=len(found)) / pixels
    return dict(zip(found.tolist(), scores.tolist(), strict=True))


def predicted_scores(prediction: Prediction, labels: LabelSpace) -> dict[int, float]:
    """Returns the score of every segment of `panoptic_pred`, 0 to 1.

    Args:
      prediction: NumPy fields of an image. The score uses `instance_scores` and, for
        the class, `semantic_scores` or else `semantic_probs`, if they exist.
      labels: the label space of the prediction.
    """
    panoptic = prediction.panoptic_pred
    maps = [prediction.instance_scores, prediction.semantic_scores]
    if prediction.semantic_scores is None and prediction.semantic_probs is not None:
        classes = labels.class_of(panoptic)
        # Void has no channel, and its score is not used.
        classes = np.minimum(classes, prediction.semantic_probs.shape[-1] - 1)
        maps[1] = np.take_along_axis(
            prediction.semantic_probs, classes[..., None], axis=-1
        )
    return segment_scores(panoptic, *(m for m in maps if m is not None))


def score_map(panoptic: np.ndarray, scores: dict[int, float]) -> np.ndarray:
    """Returns `[h, w]` float32, the score of the segment at each pixel."""
    runs = find_runs(panoptic)
    values = np.array([scores[label] for label in runs.values.tolist()], np.float32)
    return np.repeat(values, runs.lengths).reshape(panoptic.shape)
