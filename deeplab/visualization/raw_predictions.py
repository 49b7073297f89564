"""Predictions as files for evaluation servers and scripts, in DeepLab2's formats.

`raw_semantic/<name>.png` has the class ids in grey; `raw_panoptic/<name>` has class and
instance ids, laid out as one of `FORMATS`. Every format has its reader beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from deeplab.core import labels
from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.datasets.base import path_inside
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.visualization import WRITERS
from deeplab.visualization.atomic_file import atomic_file


@dataclass(frozen=True)
class RawFormat:
    """A layout of panoptic maps.

    Attributes:
      suffix: of its files.
      max_class: largest class id that it holds.
      max_instance: largest instance id that it holds.
      write: writes `[h, w]` int32 class and instance ids.
      read: returns them.
    """

    suffix: str
    max_class: int
    max_instance: int
    write: Callable[[BinaryIO, np.ndarray, np.ndarray], None]
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]]


def _write_two_channel_png(
    file: BinaryIO, classes: np.ndarray, instances: np.ndarray
) -> None:
    channels = np.stack([classes, instances, np.zeros_like(classes)], axis=-1)
    Image.fromarray(channels.astype(np.uint8)).save(file, "PNG")


def _read_two_channel_png(path: Path) -> tuple[np.ndarray, np.ndarray]:
    channels = _read_rgb(path)
    return channels[..., 0], channels[..., 1]


def _write_three_channel_png(
    file: BinaryIO, classes: np.ndarray, instances: np.ndarray
) -> None:
    channels = np.stack([classes, instances // 256, instances % 256], axis=-1)
    Image.fromarray(channels.astype(np.uint8)).save(file, "PNG")


def _read_three_channel_png(path: Path) -> tuple[np.ndarray, np.ndarray]:
    channels = _read_rgb(path)
    return channels[..., 0], channels[..., 1] * 256 + channels[..., 2]


def _write_array(file: BinaryIO, classes: np.ndarray, instances: np.ndarray) -> None:
    # The third channel is published, and empty.
    channels = np.stack([classes, instances, np.zeros_like(classes)], axis=-1)
    np.save(file, channels.astype(np.int32), allow_pickle=False)


def _read_array(path: Path) -> tuple[np.ndarray, np.ndarray]:
    channels = np.load(path, allow_pickle=False)
    if channels.ndim != 3 or channels.shape[-1] < 2:
        raise ValueError(f"{path}: no panoptic map: shape {list(channels.shape)}")
    return channels[..., 0].astype(np.int32), channels[..., 1].astype(np.int32)


def _read_rgb(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        if image.mode != "RGB":
            raise ValueError(f"{path}: no panoptic map: an image of mode {image.mode}")
        return np.asarray(image).astype(np.int32)


_INT32_MAX = 2**31 - 1

FORMATS = {
    "two_channel_png": RawFormat(
        ".png", 255, 255, _write_two_channel_png, _read_two_channel_png
    ),
    "three_channel_png": RawFormat(
        ".png", 255, 65535, _write_three_channel_png, _read_three_channel_png
    ),
    "two_channel_numpy_array": RawFormat(
        ".npy", _INT32_MAX, _INT32_MAX, _write_array, _read_array
    ),
}


class RawPredictionWriter:
    """Writes the class and panoptic map of every image."""

    def __init__(
        self,
        folder: Path,
        info: DatasetInfo,
        panoptic_format: str = "two_channel_png",
        evaluation_ids: bool = True,
    ):
        """Writes into `folder`.

        Args:
          folder: gets the folders `raw_semantic` and `raw_panoptic`.
          info: the data set.
          panoptic_format: name in `FORMATS`.
          evaluation_ids: writes the class ids of the data set's evaluation server.

        Raises:
          ValueError: the format is unknown.
        """
        if panoptic_format not in FORMATS:
            raise ValueError(
                f"raw_panoptic_format {panoptic_format!r}: choose one of "
                f"{', '.join(FORMATS)}"
            )
        self._folder = folder
        self._divisor = info.label_divisor
        self._format = panoptic_format
        self._ids = evaluation_id_table(info) if evaluation_ids else None

    def reset(self) -> None:
        """Files of an earlier evaluation are replaced one by one."""

    def write(self, example: Example, prediction: Prediction) -> None:
        """See `Writer`.

        Raises:
          ValueError: an id does not fit into the format, or the name of the image
            leads out of the folder.
        """
        name = Path(_text(example.image_filename)).with_suffix("")
        if prediction.semantic_pred is not None:
            path = self._path("raw_semantic", name, ".png")
            write_semantic(path, self._convert(prediction.semantic_pred))
        if prediction.panoptic_pred is not None:
            suffix = FORMATS[self._format].suffix
            classes, instances = labels.decode(prediction.panoptic_pred, self._divisor)
            path = self._path("raw_panoptic", name, suffix)
            write_panoptic(path, self._format, self._convert(classes), instances)

    def _path(self, kind: str, name: Path, suffix: str) -> Path:
        folder = self._folder / kind
        return path_inside(folder, f"{name}{suffix}", folder)

    def _convert(self, classes: np.ndarray) -> np.ndarray:
        return classes if self._ids is None else self._ids[classes]


def evaluation_id_table(info: DatasetInfo) -> np.ndarray:
    """Returns evaluation ids, indexed by the class ids of the labels.

    Void, and ids without a class, become 0, the void of the published servers; where
    0 is a class, the ignore label.
    """
    zero_is_class = any(c.evaluation_id == 0 for c in info.classes)
    void = info.ignore_label if zero_is_class else 0
    table = np.full(max(info.num_classes, info.ignore_label + 1), void, np.int32)
    for one in info.classes:
        table[one.id] = one.evaluation_id
    return table


def write_semantic(path: Path, classes: np.ndarray) -> None:
    """Writes `[h, w]` class ids as a grey PNG of 8 bits, of 16 if one is above 255.

    Raises:
      ValueError: an id is above 65535.
    """
    largest = int(classes.max())
    if largest > np.iinfo(np.uint16).max:
        raise ValueError(f"{path}: class id {largest} does not fit into a PNG")
    dtype = np.uint8 if largest <= np.iinfo(np.uint8).max else np.uint16
    with atomic_file(path) as file:
        Image.fromarray(classes.astype(dtype)).save(file, "PNG")


def read_semantic(path: Path) -> np.ndarray:
    """Reads what `write_semantic` wrote: `[h, w]` int32.

    Raises:
      ValueError: the file is no grey image.
    """
    with Image.open(path) as image:
        if image.mode not in ("L", "I;16"):
            raise ValueError(f"{path}: no class map: an image of mode {image.mode}")
        return np.asarray(image).astype(np.int32)


def write_panoptic(
    path: Path, name: str, classes: np.ndarray, instances: np.ndarray
) -> None:
    """Writes `[h, w]` class and instance ids in the format called `name`.

    Raises:
      ValueError: an id does not fit into the format.
    """
    layout = FORMATS[name]
    for kind, ids, limit in (
        ("class", classes, layout.max_class),
        ("instance", instances, layout.max_instance),
    ):
        if int(ids.max()) > limit:
            raise ValueError(
                f"{path}: {kind} id {int(ids.max())} does not fit into {name} (at most "
                f"{limit}); set evaluator_options.raw_panoptic_format to "
                "two_channel_numpy_array"
            )
    with atomic_file(path) as file:
        layout.write(file, classes, instances)


def read_panoptic(path: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads what `write_panoptic` wrote: `[h, w]` int32 class and instance ids.

    Raises:
      ValueError: the file is not in that format.
    """
    return FORMATS[name].read(path)


def _text(name: object) -> str:
    name = name.item() if isinstance(name, np.ndarray | np.generic) else name
    if name is None:
        raise ValueError("raw predictions are named after the image: it has no name")
    return name.decode() if isinstance(name, bytes) else str(name)


@WRITERS.register("raw_predictions")
def build_raw_predictions(
    options: EvaluatorOptions, info: DatasetInfo, folder: Path
) -> RawPredictionWriter | None:
    """Returns the writer of `save_raw_predictions`."""
    writer = RawPredictionWriter(
        folder, info, options.raw_panoptic_format, options.convert_raw_to_eval_ids
    )
    return writer if options.save_raw_predictions else None
