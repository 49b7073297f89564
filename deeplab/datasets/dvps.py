"""Cityscapes-DVPS and SemKITTI-DVPS: videos with panoptic labels and depth.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258). The root is the
folder `video_sequence` of a data set; file names start with <sequence>_<frame>:

  {train,val,test}/*_leftImg8bit.png
  {train,val}/*_depth.png                       Cityscapes: 16 bits, 256 per metre
  {train,val}/*_gtFine_instanceTrainIds.png     Cityscapes: class * 1000 + instance
  {train,val}/*_depth_<focal length>.png        SemKITTI
  {train,val}/*_gtFine_{class,instance}.png     SemKITTI

A record also has the next frame; the last frame of a sequence has no record, as in
published records.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
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
from deeplab.datasets.index_png import found_images, read_index_png
from deeplab.datasets.tracked_label import tracked_label

_IMAGE_ENDING = "_leftImg8bit.png"
_DEPTH_UNITS = 256


class Dvps(Dataset, ABC):
    """Videos with panoptic labels and depth."""

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; `test` has neither labels nor depth."""
        check_split(self.info, split, tuple(self.info.splits))
        frames = {
            _position(p): p for p in found_images(root / split, f"*{_IMAGE_ENDING}")
        }
        images = []
        for (sequence, number), path in frames.items():
            if (sequence, number + 1) not in frames:
                continue
            load = functools.partial(
                self._load,
                path,
                frames[sequence, number + 1],
                split != "test",
                crowd_as_ignore,
            )
            name = path.name.removesuffix(_IMAGE_ENDING)
            images.append(RawImage(name, load, str(path)))
        if not images:
            raise ValueError(
                f"{root / split}: no two consecutive frames here; is the root correct?"
            )
        return images

    def _load(
        self, path: Path, following: Path, has_labels: bool, crowd_as_ignore: bool
    ) -> LoadedImage:
        def frame(image: Path) -> LoadedFrame:
            if not has_labels:
                return LoadedFrame(image.read_bytes())
            stem = image.with_name(image.name.removesuffix(_IMAGE_ENDING))
            return LoadedFrame(
                image.read_bytes(), self._read_label(stem, crowd_as_ignore)
            )

        current = frame(path)
        stem = path.with_name(path.name.removesuffix(_IMAGE_ENDING))
        sequence, number = path.name.split("_")[:2]
        return LoadedImage(
            current.image,
            current.label,
            next=frame(following),
            depth=_read_depth(self._depth_path(stem)) if has_labels else None,
            sequence_id=sequence,
            frame_id=number,
        )

    @abstractmethod
    def _read_label(self, stem: Path, crowd_as_ignore: bool) -> np.ndarray:
        """Returns the `[H, W]` int32 labels of a frame.

        Args:
          stem: path of the frame's files without their suffixes.
          crowd_as_ignore: see `Dataset.read`.
        """

    @abstractmethod
    def _depth_path(self, stem: Path) -> Path:
        """Returns the path of a frame's depth map."""


def _position(path: Path) -> tuple[str, int]:
    """Returns the sequence and the number of a frame."""
    parts = path.name.split("_")
    # Every name ends in `_IMAGE_ENDING`, so it has at least two parts.
    if not parts[1].isdecimal():
        raise ValueError(f"{path}: a frame has to be named <sequence>_<frame>_...")
    return parts[0], int(parts[1])


def _read_depth(path: Path) -> np.ndarray:
    return read_index_png(path).astype(np.float32) / _DEPTH_UNITS


def _info(name: str, **fields) -> DatasetInfo:
    return table_info(name, is_video=True, is_depth=True, ignore_depth=0, **fields)


@DATASETS.register("cityscapes_dvps")
class CityscapesDvps(Dvps):
    """Cityscapes-DVPS; void is 32, not 255."""

    def __init__(self):
        super().__init__(
            _info(
                "cityscapes_dvps",
                table="cityscapes",
                ignore_label=32,
                label_divisor=1000,
                splits={"train": 2000, "val": 250, "test": 250},
            )
        )

    def _read_label(self, stem: Path, crowd_as_ignore: bool) -> np.ndarray:
        path = stem.with_name(f"{stem.name}_gtFine_instanceTrainIds.png")
        classes, instances = self.info.label_space.decode(read_index_png(path))
        return tracked_label(
            classes, instances, self.info, crowd_as_ignore=crowd_as_ignore, path=path
        )

    def _depth_path(self, stem: Path) -> Path:
        return stem.with_name(f"{stem.name}_depth.png")


@DATASETS.register("semkitti_dvps")
class SemKittiDvps(Dvps):
    """SemKITTI-DVPS; depth and labels are projected from laser points."""

    def __init__(self):
        super().__init__(
            _info(
                "semkitti_dvps",
                table="semkitti_dvps",
                ignore_label=255,
                label_divisor=65536,
                splits={"train": 19120, "val": 4070, "test": 4340},
            )
        )

    def _read_label(self, stem: Path, crowd_as_ignore: bool) -> np.ndarray:
        path = stem.with_name(f"{stem.name}_gtFine_class.png")
        return tracked_label(
            read_index_png(path),
            read_index_png(stem.with_name(f"{stem.name}_gtFine_instance.png")),
            self.info,
            crowd_as_ignore=crowd_as_ignore,
            path=path,
        )

    def _depth_path(self, stem: Path) -> Path:
        found = sorted(stem.parent.glob(f"{stem.name}_depth_*.png"))
        if len(found) != 1:
            raise FileNotFoundError(
                f"{stem}_depth_<focal length>.png: {len(found)} such files instead of 1"
            )
        return found[0]
