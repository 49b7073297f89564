"""Panoptic maps as images of two or three channels, in DeepLab2's layouts.

`two_channel_png`: red is the class, green the instance. `three_channel_png`: red is the
class, 256 * green + blue the instance. `two_channel_numpy_array`: an int32 array of
class and instance, for ids of any size. There is one file per image, named after it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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
    check_range,
    class_ids,
    evaluation_id_table,
    files_below,
)


@dataclass(frozen=True)
class ChannelLayout:
    """How class and instance ids are stored in a file.

    Attributes:
      suffix: suffix of the files.
      max_class: largest class id that can be stored.
      max_instance: largest instance id that can be stored.
      write: writes `[h, w]` int32 class and instance ids.
      read: reads `[h, w]` int32 class and instance ids.
    """

    suffix: str
    max_class: int
    max_instance: int
    write: Callable[[BinaryIO, np.ndarray, np.ndarray], None]
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]]


class ChannelFormat(Format):
    """Class and instance ids as channels; see the names of `LAYOUTS`."""

    def __init__(self, layout: ChannelLayout):
        """Creates the format of one of `LAYOUTS`."""
        self._layout = layout

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; names are paths below `path` without the suffix."""
        suffix = self._layout.suffix
        return {
            str(file.relative_to(path).with_suffix("")): self._stored(file, path, info)
            for file in files_below(path, suffix)
        }

    def writer(self, path: Path, info: DatasetInfo) -> ChannelSink:
        """See `Format.writer`."""
        return ChannelSink(path, info, self._layout, self.called)

    def _stored(self, file: Path, root: Path, info: DatasetInfo) -> StoredMap:
        del root
        return StoredMap(functools.partial(_load, self._layout, file, info))


class ChannelSink:
    """Writes one file for each image."""

    def __init__(
        self,
        folder: Path,
        info: DatasetInfo,
        layout: ChannelLayout,
        called: Callable[[str], str],
    ):
        """Writes into `folder`, with the evaluation ids of a data set.

        Args:
          folder: folder of the files.
          info: the data set.
          layout: layout of a file.
          called: name of an image -> name of its file without suffix.
        """
        self._called = called
        self._folder = folder
        self._info = info
        self._layout = layout
        self._table = evaluation_id_table(info)

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`."""
        path_inside(self._folder, name, self._folder)
        path = self._folder / f"{self._called(name)}{self._layout.suffix}"
        classes, instances = self._info.label_space.decode(label_map.panoptic)
        write_channels(path, self._layout, self._table[classes], instances)

    def close(self) -> None:
        """Does nothing: every file is already complete."""


def write_channels(
    path: Path, layout: ChannelLayout, classes: np.ndarray, instances: np.ndarray
) -> None:
    """Writes `[h, w]` class and instance ids.

    Raises:
      ValueError: an id does not fit into the layout.
    """
    check_range(path, "class", int(classes.max()), layout.max_class)
    check_range(path, "instance", int(instances.max()), layout.max_instance)
    with atomic_file(path) as file:
        layout.write(file, classes, instances)


def _load(layout: ChannelLayout, path: Path, info: DatasetInfo) -> LabelMap:
    classes, instances = layout.read(path)
    if int(instances.max()) > info.label_space.max_instances:
        raise ValueError(
            f"{path}: instance id {int(instances.max())} is not below the label "
            f"divisor {info.label_divisor}"
        )
    classes = class_ids(classes, info, path)
    void = classes == info.ignore_label
    instances = np.where(void, 0, instances)
    return LabelMap(info.label_space.encode(classes, instances))


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
    # Published files have a third, empty channel.
    channels = np.stack([classes, instances, np.zeros_like(classes)], axis=-1)
    np.save(file, channels.astype(np.int32), allow_pickle=False)


def _read_array(path: Path) -> tuple[np.ndarray, np.ndarray]:
    channels = np.load(path, allow_pickle=False)
    if channels.ndim != 3 or channels.shape[-1] < 2:
        raise ValueError(f"{path}: not a panoptic map: shape {list(channels.shape)}")
    return channels[..., 0].astype(np.int32), channels[..., 1].astype(np.int32)


def _read_rgb(path: Path) -> np.ndarray:
    image = read_image(path)
    if image.mode != "RGB":
        raise ValueError(f"{path}: not a panoptic map: an image of mode {image.mode}")
    return np.asarray(image).astype(np.int32)


_INT32_MAX = 2**31 - 1

LAYOUTS = {
    "two_channel_png": ChannelLayout(
        ".png", 255, 255, _write_two_channel_png, _read_two_channel_png
    ),
    "three_channel_png": ChannelLayout(
        ".png", 255, 65535, _write_three_channel_png, _read_three_channel_png
    ),
    "two_channel_numpy_array": ChannelLayout(
        ".npy", _INT32_MAX, _INT32_MAX, _write_array, _read_array
    ),
}


@FORMATS.register("two_channel_png")
def build_two_channel_png() -> ChannelFormat:
    """Returns the format for at most 256 classes and instances."""
    return ChannelFormat(LAYOUTS["two_channel_png"])


@FORMATS.register("three_channel_png")
def build_three_channel_png() -> ChannelFormat:
    """Returns the format for at most 65536 instances."""
    return ChannelFormat(LAYOUTS["three_channel_png"])


@FORMATS.register("two_channel_numpy_array")
def build_two_channel_numpy_array() -> ChannelFormat:
    """Returns the format without limits."""
    return ChannelFormat(LAYOUTS["two_channel_numpy_array"])
