"""What a model predicts, as formats take it."""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.predictions.base import LabelMap
from deeplab.predictions.scores import predicted_scores, score_map


def label_map_of(prediction: Prediction, info: DatasetInfo) -> LabelMap:
    """Returns labels, scores and depth of an image, as far as they were predicted.

    Args:
      prediction: NumPy fields of an image, without batch dimension.
      info: what the labels mean.

    Raises:
      ValueError: neither `panoptic_pred` nor `semantic_pred` is there.
    """
    depth = prediction.depth_pred
    depth = None if depth is None else np.asarray(depth[..., 0], np.float32)
    if prediction.panoptic_pred is None:
        if prediction.semantic_pred is None:
            raise ValueError(
                "the model serves neither panoptic_pred nor semantic_pred: export it "
                "with one of them"
            )
        classes = prediction.semantic_pred
        return LabelMap(info.label_space.encode(classes, 0), depth=depth)
    scores = None
    if prediction.instance_scores is not None:
        found = predicted_scores(prediction, info.label_space)
        scores = score_map(prediction.panoptic_pred, found)
    return LabelMap(prediction.panoptic_pred, scores, depth)
