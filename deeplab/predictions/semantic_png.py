"""Class maps as grey PNGs of evaluation ids, as Cityscapes and ADE20K accept them.

There is one file per image. Cityscapes' file names are supported: of its ground truth
only `*_gtFine_labelIds.png` is read, and images are named by city, sequence and frame.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.base import path_inside
from deeplab.datasets.image_file import read_image
from deeplab.predictions import FORMATS
from deeplab.predictions.base import (
    Format,
    LabelMap,
    StoredMap,
    class_ids,
    evaluation_id_table,
    files_below,
)

_CITYSCAPES = re.compile(r"([^/_]+_\d{6}_\d{6})(?:[_.][^/]*)?$")


class SemanticPng(Format):
    """Class maps without instances."""

    has_instances = False
    metrics = ("mean_iou",)

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; names are paths below `path` without the suffix."""
        files = files_below(path, ".png")
        truth = [file for file in files if file.name.endswith("_gtFine_labelIds.png")]
        found: dict[str, StoredMap] = {}
        for file in truth or files:
            name = image_name(file.relative_to(path))
            if name in found:
                raise ValueError(f"{file}: a second file of {name!r}")
            found[name] = StoredMap(functools.partial(self._load, file, info))
        return found

    def writer(self, path: Path, info: DatasetInfo) -> SemanticSink:
        """See `Format.writer`."""
        return SemanticSink(path, info, self.called)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return image_name(Path(name))

    def refusals(self, path: Path) -> Iterator[tuple[str, str]]:
        """See `Format.refusals`: PNGs that are not 8-bit grey."""
        for file in files_below(path, ".png"):
            with Image.open(file) as image:
                if image.mode != "L":
                    yield str(file), f"a PNG of mode {image.mode}, not 8-bit grey"

    def _load(self, path: Path, info: DatasetInfo) -> LabelMap:
        classes = class_ids(read_semantic(path), info, path)
        return LabelMap(info.label_space.encode(classes, np.zeros_like(classes)))


class SemanticSink:
    """Writes one file for each image."""

    def __init__(self, folder: Path, info: DatasetInfo, called: Callable[[str], str]):
        """Writes into `folder`, with the evaluation ids of a data set.

        Args:
          folder: folder of the files.
          info: the data set.
          called: name of an image -> name of its file without suffix.
        """
        self._folder = folder
        self._info = info
        self._called = called
        self._table = evaluation_id_table(info)

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`."""
        path_inside(self._folder, name, self._folder)
        path = self._folder / f"{self._called(name)}.png"
        classes = self._info.label_space.class_of(label_map.panoptic)
        write_semantic(path, self._table[classes])

    def close(self) -> None:
        """Does nothing: every file is already complete."""


def image_name(path: Path) -> str:
    """Returns city_sequence_frame for Cityscapes' files, otherwise the path."""
    match = _CITYSCAPES.search(path.as_posix())
    return match.group(1) if match else str(path.with_suffix(""))


def write_semantic(path: Path, classes: np.ndarray, bits: int = 8) -> None:
    """Writes `[h, w]` ids as an 8-bit grey PNG, or 16-bit if an id is above 255.

    Args:
      path: the file.
      classes: `[h, w]` ids.
      bits: 16 always writes 16 bits.

    Raises:
      ValueError: an id is above 65535.
    """
    largest = int(classes.max())
    if largest > np.iinfo(np.uint16).max:
        raise ValueError(f"{path}: class id {largest} does not fit into a PNG")
    fits = bits == 8 and largest <= np.iinfo(np.uint8).max
    dtype = np.uint8 if fits else np.uint16
    with atomic_file(path) as file:
        Image.fromarray(classes.astype(dtype)).save(file, "PNG")


def read_semantic(path: Path) -> np.ndarray:
    """Reads a PNG of `write_semantic` as `[h, w]` int32.

    Raises:
      ValueError: the file is not a complete grey image.
    """
    image = read_image(path)
    if image.mode not in ("L", "I;16"):
        raise ValueError(f"{path}: not a class map, but an image of mode {image.mode}")
    return np.asarray(image).astype(np.int32)


@FORMATS.register("semantic_png")
def build_semantic_png() -> SemanticPng:
    """Returns the format for any evaluation ids."""
    return SemanticPng()
