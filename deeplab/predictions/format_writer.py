"""Predictions of a model as files of a format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.predictions.base import Format
from deeplab.predictions.from_model import label_map_of


class FormatWriter:
    """Writes what was predicted for images to a folder.

    Attributes:
      folder: where the files go.
    """

    def __init__(self, folder: Path, info: DatasetInfo, layout: Format):
        """Writes files of a format into `folder`.

        Raises:
          ValueError: the format does not hold the ids of the data set.
        """
        self.folder = folder
        self._info = info
        self._layout = layout
        self._sink = layout.writer(folder / layout.index, info)

    def write(
        self, name: str, source: Path, image: np.ndarray, prediction: Prediction
    ) -> None:
        """Writes the labels of an image.

        Args:
          name: what its files are called, without ending.
          source: where it came from; not written.
          image: not written.
          prediction: NumPy fields of its size, without batch dimension.

        Raises:
          ValueError: the model does not predict what the format holds.
        """
        del source, image
        if prediction.panoptic_pred is None and self._layout.has_instances:
            raise ValueError(
                "the model does not serve panoptic_pred, and the format has instances: "
                "choose one of classes alone, such as semantic_png"
            )
        self._sink.write(name, label_map_of(prediction, self._info))

    def close(self) -> None:
        """Completes what is written."""
        self._sink.close()
