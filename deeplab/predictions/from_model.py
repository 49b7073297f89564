"""Converts predictions of a model to label maps."""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.predictions.base import LabelMap
from deeplab.predictions.scores import predicted_scores, score_map


def label_map_of(prediction: Prediction, info: DatasetInfo) -> LabelMap:
    """Returns the predicted labels of an image, with scores and depth if predicted.

    Args:
      prediction: NumPy fields of an image, without batch dimension.
      info: the data set.

    Raises:
      ValueError: the prediction has neither `panoptic_pred` nor `semantic_pred`.
    """
    panoptic = predicted_labels(prediction, info)
    depth = prediction.depth_pred
    depth = None if depth is None else np.asarray(depth[..., 0], np.float32)
    scores = None
    if prediction.panoptic_pred is not None and prediction.instance_scores is not None:
        found = predicted_scores(prediction, info.label_space)
        scores = score_map(panoptic, found)
    return LabelMap(panoptic, scores, depth)


def predicted_labels(prediction: Prediction, info: DatasetInfo) -> np.ndarray:
    """Returns the `[h, w]` panoptic labels of an image.

    If there is no panoptic prediction, the labels are classes without instances.

    Args:
      prediction: NumPy fields of an image, without batch dimension.
      info: the data set.

    Raises:
      ValueError: the prediction has neither `panoptic_pred` nor `semantic_pred`.
    """
    if prediction.panoptic_pred is not None:
        return prediction.panoptic_pred
    if prediction.semantic_pred is None:
        raise ValueError(
            "the model returns neither panoptic_pred nor semantic_pred: export it with "
            "one of them"
        )
    return info.label_space.encode(prediction.semantic_pred, 0)
