"""Waymo Open Dataset, panoramic video panoptic segmentation.

Jieru Mei et al., "Waymo Open Dataset: Panoramic Video Panoptic Segmentation",
ECCV 2022 (https://arxiv.org/abs/2206.07704). The root is a copy of version 2 of the
perception data, of which these files are read:

  {training,validation}/camera_image/<segment>.parquet
  {training,validation}/camera_segmentation/<segment>.parquet

Single images of each camera are converted. Frame pairs with depth, and records of all
cameras, are read where they exist already.
"""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deeplab.core import labels
from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedImage,
    RawImage,
    check_split,
    table_info,
)
from deeplab.datasets.index_png import found_images
from deeplab.datasets.tracked_label import tracked_label

_CAMERAS = (
    "side_left",
    "front_left",
    "front",
    "front_right",
    "side_right",
    "panorama",
)
# Number in the files -> name.
_CAMERA_NAMES = dict(
    enumerate(("front", "front_left", "front_right", "side_left", "side_right"), 1)
)
_FOLDERS = {"train": "training", "val": "validation"}
_TIME, _CAMERA = "key.frame_timestamp_micros", "key.camera_name"
_IMAGE = "[CameraImageComponent].image"
_LABEL = "[CameraSegmentationLabelComponent]"
_IDS = f"{_LABEL}.instance_id_to_global_id_mapping"
_LABEL_COLUMNS = (
    f"{_LABEL}.panoptic_label_divisor",
    f"{_LABEL}.panoptic_label",
    f"{_LABEL}.sequence_id",
    f"{_IDS}.local_instance_ids",
    f"{_IDS}.global_instance_ids",
)
# Rows of images, a megabyte each at most, that are in memory together.
_ROWS = 50

# Microseconds, and number of the camera.
_Key = tuple[int, int]


def _info(name: str, **fields: Any) -> DatasetInfo:
    return table_info(
        name,
        table="wod_pvps",
        ignore_label=0,
        label_divisor=100000,
        splits={"train": 70000, "val": 10000, "test": 20000},
        is_video=True,
        **fields,
    )


@DATASETS.register("wod_pvps_image_panoptic_seg")
class WodPvpsImages(Dataset):
    """Single images of one camera; an instance has one id in all of a sequence."""

    def __init__(self):
        super().__init__(_info("wod_pvps_image_panoptic_seg"))

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; labelled images alone, camera after camera.

        Things without an instance id, or whose id is not that of an object in the
        sequence, count as crowd.
        """
        check_split(self.info, split, tuple(_FOLDERS))
        folder = root / _FOLDERS[split]
        images = []
        for path in found_images(folder / "camera_segmentation", "*.parquet"):
            for time, camera in sorted(_keys(path), key=lambda key: key[::-1]):
                load = functools.partial(
                    _load,
                    folder / "camera_image" / path.name,
                    path,
                    (time, camera),
                    self.info,
                    crowd_as_ignore,
                )
                name = f"{path.stem}_{_camera_name(path, camera)}_{time}"
                images.append(RawImage(name, load, f"{path}, image {name}"))
        return images


class _ReadyRecords(Dataset):
    """A variant whose records are used, but not made."""

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """Raises ValueError: what is converted is another variant."""
        del root, split, crowd_as_ignore
        missing = "depth, which is measured by lasers"
        if self.info.camera_names:
            missing = "all cameras and their panorama in one record"
        raise ValueError(
            f"{self.info.name}: {missing}, is not converted here. Records in the "
            "published format are trained on as they are; `deeplab convert "
            "wod_pvps_image_panoptic_seg` makes records of single images of each camera"
        )


@DATASETS.register("wod_pvps_depth_video_panoptic_seg")
def depth_video() -> Dataset:
    """Frame pairs with depth, of one camera."""
    name = "wod_pvps_depth_video_panoptic_seg"
    return _ReadyRecords(_info(name, is_depth=True, ignore_depth=0))


@DATASETS.register("wod_pvps_image_panoptic_seg_multicam")
def image_multicam() -> Dataset:
    """Single images, all cameras in one record."""
    name = "wod_pvps_image_panoptic_seg_multicam"
    return _ReadyRecords(_info(name, camera_names=_CAMERAS))


@DATASETS.register("wod_pvps_depth_video_panoptic_seg_multicam")
def depth_video_multicam() -> Dataset:
    """Frame pairs with depth, all cameras in one record."""
    name = "wod_pvps_depth_video_panoptic_seg_multicam"
    return _ReadyRecords(
        _info(name, is_depth=True, ignore_depth=0, camera_names=_CAMERAS)
    )


def _load(
    images: Path, path: Path, key: _Key, info: DatasetInfo, crowd_as_ignore: bool
) -> LoadedImage:
    stored = _images(images, path)
    time, camera = key
    if key not in stored:
        raise ValueError(f"{images}: no image of camera {camera} at {time}, as {path}")
    row = _labels(path)[key]
    sequence = f"{row[f'{_LABEL}.sequence_id']}_{_camera_name(path, camera)}"
    return LoadedImage(
        stored[key],
        _panoptic_label(row, info, crowd_as_ignore, path),
        sequence_id=sequence,
        frame_id=str(time),
    )


def _panoptic_label(
    row: Mapping[str, Any], info: DatasetInfo, crowd_as_ignore: bool, path: Path
) -> np.ndarray:
    """Returns `[H, W]` int32 labels, with the ids that hold through the sequence."""
    try:
        with Image.open(io.BytesIO(row[f"{_LABEL}.panoptic_label"])) as image:
            stored = np.asarray(image).astype(np.int32)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: a label is no readable PNG: {error}") from error
    divisor = row[f"{_LABEL}.panoptic_label_divisor"]
    classes, instances = labels.decode(stored, divisor)
    lasting = np.zeros(divisor, np.int32)
    local_ids = row[f"{_IDS}.local_instance_ids"] or []
    if local_ids and not 0 <= min(local_ids) <= max(local_ids) < divisor:
        raise ValueError(f"{path}: instance ids {local_ids}, but the divisor {divisor}")
    lasting[local_ids] = row[f"{_IDS}.global_instance_ids"] or []
    return tracked_label(
        classes, lasting[instances], info, crowd_as_ignore=crowd_as_ignore, path=path
    )


def _camera_name(path: Path, camera: int) -> str:
    if camera not in _CAMERA_NAMES:
        raise ValueError(f"{path}: camera {camera}; known: 1 to {len(_CAMERA_NAMES)}")
    return _CAMERA_NAMES[camera]


def _keys(path: Path) -> list[_Key]:
    """Returns the keys of the labelled images of a segment."""
    rows = _open(path).read([_TIME, _CAMERA]).to_pylist()
    return [(row[_TIME], row[_CAMERA]) for row in rows]


# Workers take the images of a segment one after the other.
@functools.lru_cache(maxsize=1)
def _labels(path: Path) -> Mapping[_Key, Mapping[str, Any]]:
    rows = _open(path).read([_TIME, _CAMERA, *_LABEL_COLUMNS]).to_pylist()
    return {(row[_TIME], row[_CAMERA]): row for row in rows}


@functools.lru_cache(maxsize=1)
def _images(images: Path, path: Path) -> Mapping[_Key, bytes]:
    """Returns the labelled images of a segment; most are not labelled."""
    wanted = set(_keys(path))
    found = {}
    batches = _open(images).iter_batches(_ROWS, columns=[_TIME, _CAMERA, _IMAGE])
    for batch in batches:
        times, cameras = (batch.column(name).to_pylist() for name in (_TIME, _CAMERA))
        for i, key in enumerate(zip(times, cameras, strict=True)):
            if key in wanted:
                found[key] = batch.column(_IMAGE)[i].as_py()
    return found


def _open(path: Path) -> Any:
    """Returns a Parquet file to read from.

    Raises:
      ValueError: it is none, or pyarrow is not installed.
      FileNotFoundError: there is no such file.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise ValueError(
            "the Waymo Open Dataset is Parquet files: pip install 'deeplab[waymo]'"
        ) from error
    try:
        return parquet.ParquetFile(path)
    except ValueError as error:
        raise ValueError(f"{path}: no Parquet file ({error})") from error
