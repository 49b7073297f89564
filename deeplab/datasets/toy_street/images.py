"""Synthetic street scenes: a data set for trials and tests that needs no download.

Sky, building, road, sidewalk and vegetation are stuff; cars, people and traffic lights
are things. Distant groups are crowds; bins, the bonnet of the camera's own car and
things of which only a few pixels are visible are void. Images are generated from a seed
and are the same on every machine.
"""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, LoadedImage, RawImage, table_info
from deeplab.datasets.toy_street.drawing import Frame, draw
from deeplab.datasets.toy_street.scene import random_scene

# Seconds between two consecutive frames.
FRAME_INTERVAL = 0.1


@DATASETS.register("toy_street")
class ToyStreet(Dataset):
    """Street scenes of five stuff and three thing classes."""

    def __init__(
        self, images: int = 500, seed: int = 0, height: int = 129, width: int = 257
    ):
        """Describes the scenes to draw.

        Args:
          images: number of images in a split.
          seed: seed of the scenes.
          height: rows of an image.
          width: columns of an image.

        Raises:
          ValueError: the number or the size of the images is too small.
        """
        super().__init__(
            table_info(
                "toy_street", table="toy_street", ignore_label=255, label_divisor=1000
            )
        )
        check_size(self.info.name, images, height, width)
        self._images, self._seed = images, seed
        self._height, self._width = height, width

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; every split name gives other scenes, `root` is unused."""
        first = first_seed(split, self._seed)
        return [
            RawImage(
                f"{split}_{i:06d}",
                functools.partial(
                    _load,
                    first + i,
                    self.info,
                    self._height,
                    self._width,
                    crowd_as_ignore,
                ),
                f"scene {i} of {split}",
            )
            for i in range(self._images)
        ]


def draw_frames(
    seed: int, info: DatasetInfo, height: int, width: int
) -> tuple[Frame, Frame]:
    """Draws two consecutive frames of a scene."""
    scene = random_scene(seed)
    return (
        draw(scene, info, height, width),
        draw(scene, info, height, width, FRAME_INTERVAL),
    )


def check_size(name: str, images: int, height: int, width: int) -> None:
    """Raises ValueError if the number or the size of the images is too small."""
    if images < 1:
        raise ValueError(f"{name}: {images} images; draw at least one")
    if min(height, width) < 32:
        raise ValueError(f"{name}: {height} x {width} is too small to draw")


def first_seed(split: str, seed: int) -> int:
    """Returns the seed of the first scene of a split; later scenes count up."""
    return zlib.crc32(split.encode()) % 2**20 * 2**20 + seed * 2**40


def crowd_ignored(label: np.ndarray, info: DatasetInfo) -> np.ndarray:
    """Returns `[h, w]` int32 labels whose crowd regions are void."""
    crowd = [info.label_space.encode(i, 0) for i in info.thing_ids]
    void = info.label_space.void
    return np.where(np.isin(label, crowd), np.int32(void), label)


def jpeg(frame: Frame) -> bytes:
    """Returns the image of a frame as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(frame.image).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _load(
    seed: int, info: DatasetInfo, height: int, width: int, crowd_as_ignore: bool
) -> LoadedImage:
    frame = draw(random_scene(seed), info, height, width)
    label = crowd_ignored(frame.label, info) if crowd_as_ignore else frame.label
    return LoadedImage(jpeg(frame), label)
