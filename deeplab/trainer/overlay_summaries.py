"""TensorBoard pictures of evaluated images."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.visualization.panel import prediction_panel
from deeplab.visualization.pictures import shown_image

_MAX_WIDTH = 1536


class OverlaySummaries:
    """Draws the first images of an evaluation next to their labels."""

    def __init__(self, info: DatasetInfo, limit: int):
        """Draws at most `limit` images per evaluation."""
        self._info = info
        self._limit = limit
        self._panels: list[np.ndarray] = []

    def reset(self) -> None:
        """Starts a new evaluation."""
        self._panels = []

    def write(self, example: Example, prediction: Prediction) -> None:
        """Draws one image, unless its prediction has neither classes nor segments.

        Args:
          example: NumPy arrays of the original size, without batch dimension.
          prediction: the prediction for it, likewise.
        """
        has_map = prediction.panoptic_pred is not None or (
            prediction.semantic_pred is not None
        )
        if has_map and len(self._panels) < self._limit:
            panel = prediction_panel(
                shown_image(example), prediction, self._info, example
            )
            self._panels.append(_at_most(panel, _MAX_WIDTH))

    def close(self) -> None:
        """Writes the pictures with the current summary writer."""
        for index, panel in enumerate(self._panels):
            tf.summary.image(f"predictions/{index}", panel[np.newaxis])


def _at_most(picture: np.ndarray, width: int) -> np.ndarray:
    if picture.shape[1] <= width:
        return picture
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(Image.fromarray(picture).resize((width, height)))
