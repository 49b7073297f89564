"""KITTI-STEP and MOTChallenge-STEP: videos in which every pixel is tracked.

Mark Weber et al., "STEP: Segmenting and Tracking Every Pixel", NeurIPS 2021
(https://arxiv.org/abs/2102.11859). Files are laid out as for the published converter:

  images/{train,val,test}/<sequence>/[img1/]<frame>.png or .jpg
  panoptic_maps/{train,val}/<sequence>/<frame>.png    class, instance's high, low byte
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedFrame,
    LoadedImage,
    RawImage,
    check_split,
    table_info,
)
from deeplab.datasets.image_file import read_image
from deeplab.datasets.tracked_label import tracked_label

_IMAGE_ENDINGS = (".png", ".jpg")


class Step(Dataset):
    """Videos with panoptic maps.

    Args:
      info: description of the data set.
      two_frames: whether records also store the previous frame.
    """

    def __init__(self, info: DatasetInfo, two_frames: bool):
        super().__init__(info)
        self._two_frames = two_frames

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; `test` has no labels."""
        check_split(self.info, split, tuple(self.info.splits))
        folder = root / "images" / split
        images = []
        for sequence in sorted(p for p in folder.glob("*") if p.is_dir()):
            inner = sequence / "img1"
            frames = _frames(inner if inner.is_dir() else sequence)
            maps = root / "panoptic_maps" / split / sequence.name
            maps = None if split == "test" else maps
            for number, path in frames.items():
                # The first frame is its own previous one, as in published records.
                before = frames.get(number - 1, path) if self._two_frames else None
                load = functools.partial(
                    _load, path, before, maps, sequence.name, self.info, crowd_as_ignore
                )
                images.append(RawImage(f"{sequence.name}_{path.stem}", load, str(path)))
        if not images:
            raise ValueError(
                f"{folder}: no <sequence>/<frame> images here; is the root correct?"
            )
        return images


def _frames(folder: Path) -> dict[int, Path]:
    """Returns number -> image path of the frames of a sequence, in order.

    Raises:
      ValueError: the name of an image is not a number.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in _IMAGE_ENDINGS)
    for path in paths:
        if not path.stem.isdecimal():
            raise ValueError(f"{path}: the name of a frame has to be a number")
    return {int(path.stem): path for path in paths}


def _load(
    path: Path,
    before: Path | None,
    maps: Path | None,
    sequence: str,
    info: DatasetInfo,
    crowd_as_ignore: bool,
) -> LoadedImage:
    def frame(image: Path) -> LoadedFrame:
        if maps is None:
            return LoadedFrame(image.read_bytes())
        label = _read_map(maps / f"{image.stem}.png", info, crowd_as_ignore)
        return LoadedFrame(image.read_bytes(), label)

    current = frame(path)
    return LoadedImage(
        current.image,
        current.label,
        previous=None if before is None else frame(before),
        sequence_id=sequence,
        frame_id=path.stem,
    )


def _read_map(path: Path, info: DatasetInfo, crowd_as_ignore: bool) -> np.ndarray:
    """Returns the `[H, W]` int32 labels of a panoptic map."""
    image = read_image(path)
    if image.mode != "RGB":
        raise ValueError(f"{path}: a panoptic map must be an RGB PNG, not {image.mode}")
    red, green, blue = np.moveaxis(np.asarray(image).astype(np.int32), -1, 0)
    return tracked_label(
        red, green * 256 + blue, info, crowd_as_ignore=crowd_as_ignore, path=path
    )


@DATASETS.register("kitti_step")
def kitti_step(two_frames: bool = False) -> Dataset:
    """KITTI-STEP: the Cityscapes classes, of which cars and persons are tracked."""
    info = table_info(
        "kitti_step",
        table="kitti_step",
        ignore_label=255,
        label_divisor=1000,
        splits={"train": 5027, "val": 2981, "test": 11095},
        is_video=True,
    )
    return Step(info, two_frames)


@DATASETS.register("motchallenge_step")
def motchallenge_step(two_frames: bool = False) -> Dataset:
    """MOTChallenge-STEP: seven classes, of which persons are tracked."""
    info = table_info(
        "motchallenge_step",
        table="motchallenge_step",
        ignore_label=255,
        label_divisor=1000,
        splits={"train": 525, "val": 600, "test": 0},
        is_video=True,
    )
    return Step(info, two_frames)
