"""Prediction files for evaluation servers and scripts, in DeepLab2's formats.

`raw_semantic/<name>.png` contains the class ids as grey values; `raw_panoptic` contains
files in one of the formats of `deeplab.predictions`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.datasets.base import path_inside
from deeplab.predictions import FORMATS
from deeplab.predictions.base import Sink, evaluation_id_table
from deeplab.predictions.channels import LAYOUTS, write_channels
from deeplab.predictions.from_model import label_map_of
from deeplab.predictions.semantic_png import write_semantic
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.visualization import WRITERS


class RawPredictionWriter:
    """Writes the semantic and panoptic map of every image."""

    def __init__(
        self,
        folder: Path,
        info: DatasetInfo,
        panoptic_format: str = "two_channel_png",
        evaluation_ids: bool = True,
    ):
        """Makes the writer.

        Args:
          folder: output folder, which gets folders `raw_semantic` and `raw_panoptic`.
          info: description of the data set.
          panoptic_format: name in `FORMATS`.
          evaluation_ids: whether to write the class ids of the data set's evaluation
            server; False is supported only for the formats in `LAYOUTS`.

        Raises:
          ValueError: the format is unknown, or requires evaluation ids.
        """
        if not evaluation_ids and panoptic_format not in LAYOUTS:
            raise ValueError(
                f"raw_panoptic_format {panoptic_format!r} requires the ids of its "
                "evaluation server: set convert_raw_to_eval_ids to true"
            )
        self._layout = FORMATS.get(panoptic_format)()
        self._sink: Sink | None = None
        self._info = info
        self._folder = folder
        self._format = panoptic_format
        self._ids = evaluation_id_table(info) if evaluation_ids else None

    def reset(self) -> None:
        """Starts an evaluation; files of an earlier one are replaced one by one."""
        if self._format not in LAYOUTS:
            place = self._folder / "raw_panoptic" / self._layout.index
            self._sink = self._layout.writer(place, self._info)

    def write(self, example: Example, prediction: Prediction) -> None:
        """See `Writer`.

        Raises:
          ValueError: an id does not fit into the format, or the name of the image
            points outside the folder.
        """
        name = Path(_text(example.image_filename)).with_suffix("")
        if prediction.semantic_pred is not None:
            path = self._path("raw_semantic", name, ".png")
            write_semantic(path, self._convert(prediction.semantic_pred))
        if self._sink is not None:
            self._write_format(self._sink, example, name, prediction)
        elif prediction.panoptic_pred is not None:
            layout = LAYOUTS[self._format]
            decode = self._info.label_space.decode
            classes, instances = decode(prediction.panoptic_pred)
            path = self._path("raw_panoptic", name, layout.suffix)
            write_channels(path, layout, self._convert(classes), instances)

    def close(self) -> None:
        """Finishes the files of the format."""
        if self._sink is not None:
            self._sink.close()

    def _write_format(
        self, sink: Sink, example: Example, name: Path, prediction: Prediction
    ) -> None:
        if self._layout.has_instances and prediction.panoptic_pred is None:
            raise ValueError(
                f"raw_panoptic_format {self._format!r} needs instances, which the "
                "model does not predict: choose semantic_png, cityscapes_pixel or "
                "ade20k"
            )
        if self._layout.is_video and example.sequence_id is not None:
            name = Path(_text(example.sequence_id)) / _text(example.frame_id)
        sink.write(name.as_posix(), label_map_of(prediction, self._info))

    def _path(self, kind: str, name: Path, suffix: str) -> Path:
        folder = self._folder / kind
        return path_inside(folder, f"{name}{suffix}", folder)

    def _convert(self, classes: np.ndarray) -> np.ndarray:
        return classes if self._ids is None else self._ids[classes]


def _text(name: object) -> str:
    name = name.item() if isinstance(name, np.ndarray | np.generic) else name
    if name is None:
        raise ValueError(
            "raw predictions are named after the image, but it has no name"
        )
    return name.decode() if isinstance(name, bytes) else str(name)


@WRITERS.register("raw_predictions")
def build_raw_predictions(
    options: EvaluatorOptions, info: DatasetInfo, folder: Path
) -> RawPredictionWriter | None:
    """Returns the writer if `save_raw_predictions` is set."""
    writer = RawPredictionWriter(
        folder, info, options.raw_panoptic_format, options.convert_raw_to_eval_ids
    )
    return writer if options.save_raw_predictions else None
