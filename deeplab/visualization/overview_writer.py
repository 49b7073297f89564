"""Predictions for viewing and further processing: overlay, label map, and segments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.predictions.from_model import predicted_labels
from deeplab.predictions.segment_png import write_segment_ids
from deeplab.visualization.overlay import panoptic_overlay, semantic_overlay
from deeplab.visualization.pictures import write_png
from deeplab.visualization.segments import Segment, find_segments


class OverviewWriter:
    """Writes NAME_overlay.png, NAME_panoptic.png and NAME.json for each image.

    Attributes:
      folder: output folder.
    """

    def __init__(self, folder: Path, info: DatasetInfo):
        """Makes the writer.

        Args:
          folder: output folder.
          info: description of the data set.
        """
        self.folder = folder
        self._info = info

    def write(
        self, name: str, source: Path, image: np.ndarray, prediction: Prediction
    ) -> None:
        """Writes the prediction for an image.

        Args:
          name: name of its files, without extension.
          source: path of the image.
          image: `[h, w, 3]` uint8.
          prediction: NumPy arrays at the size of the image, without batch dimension.

        Raises:
          ValueError: the model predicts neither labels nor classes.
          OSError: a file cannot be written.
        """
        base, info = self.folder / name, self._info
        panoptic = predicted_labels(prediction, info)
        if prediction.panoptic_pred is not None:
            overlay = panoptic_overlay(image, panoptic, info)
        else:
            overlay = semantic_overlay(image, prediction.semantic_pred, info)
        write_png(base.with_name(f"{base.name}_overlay.png"), overlay)
        write_segment_ids(base.with_name(f"{base.name}_panoptic.png"), panoptic)
        head = {
            "image": str(source),
            "height": image.shape[0],
            "width": image.shape[1],
            "label_divisor": info.label_divisor,
        }
        segments = find_segments(panoptic, info, prediction.instance_scores)
        write_segments(base.with_name(f"{base.name}.json"), head, segments)

    def close(self) -> None:
        """Does nothing, as every file is already complete."""


def write_segments(
    path: Path, head: dict[str, Any], segments: Sequence[Segment]
) -> None:
    """Writes the JSON file of an image, with one line per segment.

    Args:
      path: path of the file.
      head: entries for the whole image.
      segments: segments in the image.

    Raises:
      OSError: the file cannot be written.
    """
    lines = [
        json.dumps(
            {
                "id": s.id,
                "class_id": s.class_id,
                "class": s.class_name,
                "is_thing": s.is_thing,
                "area": s.area,
                "score": None if s.score is None else round(s.score, 4),
                "bbox": list(s.box),
            }
        )
        for s in segments
    ]
    start = json.dumps(head).removesuffix("}")
    body = ",\n".join(lines)
    with atomic_file(path) as file:
        file.write(f'{start}, "segments": [\n{body}\n]}}\n'.encode())
