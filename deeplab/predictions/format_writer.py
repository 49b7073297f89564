"""Writes predictions of a model as files of a format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.predictions.base import Format
from deeplab.predictions.from_model import label_map_of


class FormatWriter:
    """Writes the predictions for images to a folder.

    Attributes:
      folder: folder of the files.
    """

    def __init__(self, folder: Path, info: DatasetInfo, layout: Format):
        """Writes files of a format into `folder`.

        Raises:
          ValueError: the format cannot store the ids of the data set.
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
          name: name of its files, without suffix.
          source: path of the image; not used.
          image: the image; not used.
          prediction: NumPy fields at the size of the image, without batch dimension.

        Raises:
          ValueError: the model does not predict what the format stores.
        """
        del source, image
        if prediction.panoptic_pred is None and self._layout.has_instances:
            raise ValueError(
                "the model does not return panoptic_pred, but the format needs "
                "instances: choose a format with classes only, such as semantic_png"
            )
        self._sink.write(name, label_map_of(prediction, self._info))

    def close(self) -> None:
        """Completes the written files."""
        self._sink.close()
