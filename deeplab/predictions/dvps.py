"""Depth-aware video panoptic predictions, as ViP-DeepLab's scripts read them.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021, https://arxiv.org/abs/2012.05258; evaluation:
https://github.com/joe-siyuan-qiao/ViP-DeepLab. The folder has

  panoptic/<sequence>_<frame>.png       Cityscapes-DVPS: red is class, green instance
  panoptic/<sequence>_<frame>_cat.png   SemKITTI-DVPS: classes
  panoptic/<sequence>_<frame>_ins.png   SemKITTI-DVPS: 16-bit instances
  depth/<sequence>_<frame>.png          16 bits, 256 per metre, if depth is predicted

The scripts take `panoptic` as `--pan_dir` and `depth` as `--depth_dir`. Classes are
train ids; the id after the last is void.
"""

from __future__ import annotations

import functools
import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.base import path_inside
from deeplab.datasets.index_png import read_index_png
from deeplab.predictions import FORMATS
from deeplab.predictions.base import (
    Format,
    LabelMap,
    StoredMap,
    check_range,
    files_below,
)
from deeplab.predictions.channels import LAYOUTS, write_channels
from deeplab.predictions.semantic_png import read_semantic, write_semantic

_NAME = re.compile(r"(?:^|/)(\d+)[_/](\d+)(?:_[^/]*)?$")
_DEPTH_UNITS = 256
_MAX_DEPTH = 2**16 - 1


class DvpsFormat(Format):
    """Panoptic labels and depth of videos."""

    is_video = True
    metrics = ("vpq", "dvpq")
    # Suffix of the files by which frames are listed.
    ending = ".png"

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; names are <sequence>/<frame>."""
        found: dict[str, StoredMap] = {}
        for file in files_below(path / "panoptic", self.ending):
            sequence, frame = _position(file.name.removesuffix(self.ending), file)
            if f"{sequence}/{frame}" in found:
                raise ValueError(f"{file}: a second file of this frame")
            load = functools.partial(self._load, path, f"{sequence}_{frame}", info)
            found[f"{sequence}/{frame}"] = StoredMap(load, sequence)
        return found

    def writer(self, path: Path, info: DatasetInfo) -> DvpsSink:
        """See `Format.writer`."""
        return DvpsSink(path, info, self)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return "/".join(_position(name, Path(name)))

    def _load(self, root: Path, stem: str, info: DatasetInfo) -> LabelMap:
        where = root / "panoptic" / stem
        classes, instances = self.read_frame(where)
        known = {info.num_classes: info.ignore_label} | {i: i for i in info.by_id}
        unknown = sorted(set(np.unique(classes).tolist()) - set(known))
        if unknown:
            raise ValueError(
                f"{where}: {unknown[:10]} are not train ids of {info.name!r}"
            )
        if int(instances.max()) > info.label_space.max_instances:
            raise ValueError(
                f"{where}: instance id {int(instances.max())} is not below the label "
                f"divisor {info.label_divisor}"
            )
        void = classes == info.num_classes
        classes = np.where(void, info.ignore_label, classes)
        instances = np.where(void, 0, instances)
        panoptic = info.label_space.encode(classes, instances)
        depth_file = root / "depth" / f"{stem}.png"
        depth = None
        if depth_file.exists():
            depth = read_index_png(depth_file).astype(np.float32) / _DEPTH_UNITS
        return LabelMap(panoptic.astype(np.int32), depth=depth)

    @abstractmethod
    def read_frame(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Reads `[h, w]` int32 class and instance ids from a path without suffix."""

    @abstractmethod
    def write_frame(
        self, path: Path, classes: np.ndarray, instances: np.ndarray
    ) -> None:
        """Writes `[h, w]` class and instance ids to a path without suffix."""


class DvpsSink:
    """Writes the files of each frame."""

    def __init__(self, folder: Path, info: DatasetInfo, layout: DvpsFormat):
        """Writes into `folder` in the given layout."""
        self._folder = folder
        self._info = info
        self._layout = layout

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`; depth is clipped to 255.99 m.

        Raises:
          ValueError: an id or depth does not fit, or the name is not
            <sequence>/<frame> or <sequence>_<frame> with two numbers.
        """
        path_inside(self._folder, name, self._folder)
        sequence, frame = _position(name, self._folder)
        classes, instances = self._info.label_space.decode(label_map.panoptic)
        void = ~np.isin(classes, list(self._info.by_id))
        classes = np.where(void, self._info.num_classes, classes)
        instances = np.where(void, 0, instances)
        stem = f"{sequence}_{frame}"
        self._layout.write_frame(self._folder / "panoptic" / stem, classes, instances)
        if label_map.depth is None:
            return
        path = self._folder / "depth" / f"{stem}.png"
        if not np.isfinite(label_map.depth).all() or label_map.depth.min() < 0:
            raise ValueError(f"{path}: depth is negative or not finite")
        units = np.rint(label_map.depth * _DEPTH_UNITS)
        write_semantic(path, np.minimum(units, _MAX_DEPTH), bits=16)

    def close(self) -> None:
        """Does nothing: every file is already complete."""


@FORMATS.register("cityscapes_dvps")
class CityscapesDvpsFormat(DvpsFormat):
    """Two channels; at most 256 instances per class."""

    def read_frame(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """See `DvpsFormat`."""
        return LAYOUTS["two_channel_png"].read(path.with_name(f"{path.name}.png"))

    def write_frame(
        self, path: Path, classes: np.ndarray, instances: np.ndarray
    ) -> None:
        """See `DvpsFormat`."""
        layout = LAYOUTS["two_channel_png"]
        write_channels(path.with_name(f"{path.name}.png"), layout, classes, instances)


@FORMATS.register("semkitti_dvps")
class SemKittiDvpsFormat(DvpsFormat):
    """Two files; at most 65536 instances per class."""

    ending = "_cat.png"

    def read_frame(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """See `DvpsFormat`."""
        return (
            read_semantic(path.with_name(f"{path.name}_cat.png")),
            read_semantic(path.with_name(f"{path.name}_ins.png")),
        )

    def write_frame(
        self, path: Path, classes: np.ndarray, instances: np.ndarray
    ) -> None:
        """See `DvpsFormat`."""
        check_range(path, "instance", int(instances.max()), 2**16 - 1)
        write_semantic(path.with_name(f"{path.name}_cat.png"), classes)
        write_semantic(path.with_name(f"{path.name}_ins.png"), instances, bits=16)


def _position(name: str, where: Path) -> tuple[str, str]:
    """Returns the sequence and the frame of a name."""
    found = _NAME.search(name)
    if found is None:
        raise ValueError(
            f"{where}: {name!r} is not <sequence>_<frame> or <sequence>/<frame> with "
            "two numbers"
        )
    return found[1], found[2]
