"""Waymo Open Dataset, panoramic video panoptic segmentation.

Jieru Mei et al., "Waymo Open Dataset: Panoramic Video Panoptic Segmentation",
ECCV 2022 (https://arxiv.org/abs/2206.07704). The root is a copy of version 2 of the
perception data set; these files are read:

  {training,validation}/camera_image/<segment>.parquet
  {training,validation}/camera_segmentation/<segment>.parquet

and, for depth, those that `depth` lists. The panorama, the sixth camera of published
multi-camera records, is not made.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

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
from deeplab.datasets.index_png import found_images
from deeplab.datasets.tracked_label import tracked_label
from deeplab.datasets.waymo.depth import read_depth
from deeplab.datasets.waymo.tables import CAMERA, TIME, CameraKey, read_rows

# Camera number in the files -> name.
_CAMERAS = dict(
    enumerate(("front", "front_left", "front_right", "side_left", "side_right"), 1)
)
# In the order of published records.
_VIEWS = ("side_left", "front_left", "front", "front_right", "side_right", "panorama")
_FOLDERS = {"train": "training", "val": "validation"}
_IMAGE = "[CameraImageComponent].image"
_LABEL = "[CameraSegmentationLabelComponent]"
_SEQUENCE = f"{_LABEL}.sequence_id"
_IDS = f"{_LABEL}.instance_id_to_global_id_mapping"
_LABEL_COLUMNS = (
    f"{_LABEL}.panoptic_label_divisor",
    f"{_LABEL}.panoptic_label",
    _SEQUENCE,
    f"{_IDS}.local_instance_ids",
    f"{_IDS}.global_instance_ids",
)


class _Moment(NamedTuple):
    """A record to be made.

    Attributes:
      path: file of the segment's labels.
      cameras: numbers of the cameras.
      time: time of the images.
      next: time of the next frames, if they are part of the record.
    """

    path: Path
    cameras: tuple[int, ...]
    time: int
    next: int | None


class WodPvps(Dataset):
    """Labelled images; an instance has the same id in all cameras and frames."""

    def __init__(self, name: str, **fields: Any):
        """Describes a variant.

        Args:
          name: name of the variant.
          **fields: fields of `DatasetInfo`. With `is_depth`, a record has depth and the
            next frame; with `camera_names`, it has the images of all cameras.
        """
        info = table_info(
            name,
            table="wod_pvps",
            ignore_label=0,
            label_divisor=100000,
            splits={"train": 70000, "val": 10000, "test": 20000},
            is_video=True,
            **fields,
        )
        super().__init__(info)

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; returns only labelled images, each video in order.

        Things count as crowd if they have no instance id, or one that is not an object
        of the sequence. With all cameras, times at which a camera has no label are left
        out; with two frames, so are the last frames of sequences.
        """
        check_split(self.info, split, tuple(_FOLDERS))
        folder = root / _FOLDERS[split] / "camera_segmentation"
        images = []
        for path in found_images(folder, "*.parquet"):
            for moment in self._moments(path):
                load = functools.partial(_load, moment, self.info, crowd_as_ignore)
                name = f"{path.stem}_{moment.time}"
                if not self.info.camera_names:
                    camera = _CAMERAS[moment.cameras[0]]
                    name = f"{path.stem}_{camera}_{moment.time}"
                images.append(RawImage(name, load, f"{path}, image {name}"))
        if not images:
            raise ValueError(f"{folder}: {self._why_nothing}")
        return images

    @property
    def _why_nothing(self) -> str:
        """The reason why no record can be made."""
        missing = "no image is labelled"
        if self.info.camera_names:
            missing = f"no frame is labelled in all of {', '.join(_CAMERAS.values())}"
        if self.info.is_depth:
            missing += " and followed by another frame of its sequence"
        return missing

    def _moments(self, path: Path) -> Iterator[_Moment]:
        """Yields the records to be made from a segment."""
        sequences = _sequences(path)
        groups = [(camera,) for camera in sorted({camera for _, camera in sequences})]
        if self.info.camera_names:
            groups = [tuple(_CAMERAS)]
        for cameras in groups:
            times = sorted(
                time
                for time in {time for time, _ in sequences}
                if all((time, camera) in sequences for camera in cameras)
            )
            if not self.info.is_depth:
                yield from (_Moment(path, cameras, time, None) for time in times)
                continue
            for time, following in itertools.pairwise(times):
                if sequences[time, cameras[0]] == sequences[following, cameras[0]]:
                    yield _Moment(path, cameras, time, following)


@DATASETS.register("wod_pvps_image_panoptic_seg")
def image() -> Dataset:
    """Single images of one camera."""
    return WodPvps("wod_pvps_image_panoptic_seg")


@DATASETS.register("wod_pvps_depth_video_panoptic_seg")
def depth_video() -> Dataset:
    """Frame pairs with depth, of one camera."""
    name = "wod_pvps_depth_video_panoptic_seg"
    return WodPvps(name, is_depth=True, ignore_depth=0)


@DATASETS.register("wod_pvps_image_panoptic_seg_multicam")
def image_multicam() -> Dataset:
    """Single images, all cameras in one record."""
    return WodPvps("wod_pvps_image_panoptic_seg_multicam", camera_names=_VIEWS)


@DATASETS.register("wod_pvps_depth_video_panoptic_seg_multicam")
def depth_video_multicam() -> Dataset:
    """Frame pairs with depth, all cameras in one record."""
    name = "wod_pvps_depth_video_panoptic_seg_multicam"
    return WodPvps(name, is_depth=True, ignore_depth=0, camera_names=_VIEWS)


def _load(moment: _Moment, info: DatasetInfo, crowd_as_ignore: bool) -> LoadedImage:
    first, *others = (
        _load_camera(moment, camera, info, crowd_as_ignore) for camera in moment.cameras
    )
    return first._replace(others=tuple(others))


def _load_camera(
    moment: _Moment, camera: int, info: DatasetInfo, crowd_as_ignore: bool
) -> LoadedImage:
    path, time = moment.path, moment.time

    def frame(at: int) -> tuple[bytes, np.ndarray]:
        row = _labels(path)[at, camera]
        label = _panoptic_label(row, info, crowd_as_ignore, path)
        return _image(path, (at, camera)), label

    pixels, label = frame(time)
    depth = None
    if info.is_depth:
        depth = read_depth(path.parents[1], path.name, (time, camera), label.shape)
    sequence = _sequences(path)[time, camera]
    return LoadedImage(
        pixels,
        label,
        next=None if moment.next is None else LoadedFrame(*frame(moment.next)),
        depth=depth,
        # Readers append the camera's name to the video of a multi-camera record.
        sequence_id=sequence if info.camera_names else f"{sequence}_{_CAMERAS[camera]}",
        frame_id=str(time),
        camera=_CAMERAS[camera] if info.camera_names else "",
    )


def _panoptic_label(
    row: Mapping[str, Any], info: DatasetInfo, crowd_as_ignore: bool, path: Path
) -> np.ndarray:
    """Returns `[H, W]` int32 labels with instance ids that last for the sequence."""
    try:
        with Image.open(io.BytesIO(row[f"{_LABEL}.panoptic_label"])) as image:
            stored = np.asarray(image).astype(np.int32)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: a label is not a readable PNG: {error}") from error
    divisor = row[f"{_LABEL}.panoptic_label_divisor"]
    stored_space = dataclasses.replace(info.label_space, label_divisor=divisor)
    classes, instances = stored_space.decode(stored)
    lasting = np.zeros(divisor, np.int32)
    local_ids = row[f"{_IDS}.local_instance_ids"] or []
    if local_ids and not 0 <= min(local_ids) <= max(local_ids) < divisor:
        raise ValueError(f"{path}: instance ids {local_ids} exceed divisor {divisor}")
    lasting[local_ids] = row[f"{_IDS}.global_instance_ids"] or []
    return tracked_label(
        classes, lasting[instances], info, crowd_as_ignore=crowd_as_ignore, path=path
    )


@functools.lru_cache(maxsize=1)
def _sequences(path: Path) -> Mapping[CameraKey, str]:
    """Returns the labelled images of a segment -> the names of their sequences."""
    result = {}
    for row in read_rows(path, [TIME, CAMERA, _SEQUENCE]):
        time, camera, sequence = (scalar.as_py() for scalar in row.values())
        if camera not in _CAMERAS:
            raise ValueError(f"{path}: camera {camera}; known: 1 to {len(_CAMERAS)}")
        result[time, camera] = sequence
    return result


# Workers read the images of a segment one after another.
@functools.lru_cache(maxsize=1)
def _labels(path: Path) -> Mapping[CameraKey, Mapping[str, Any]]:
    rows = read_rows(path, [TIME, CAMERA, *_LABEL_COLUMNS])
    found = ({name: scalar.as_py() for name, scalar in row.items()} for row in rows)
    return {(row[TIME], row[CAMERA]): row for row in found}


def _image(path: Path, key: CameraKey) -> bytes:
    images = path.parents[1] / "camera_image" / path.name
    stored = _images(images, path)
    if key not in stored:
        raise ValueError(
            f"{images}: no image of camera {key[1]} at {key[0]}, which {path} labels"
        )
    return stored[key]


@functools.lru_cache(maxsize=1)
def _images(images: Path, path: Path) -> Mapping[CameraKey, bytes]:
    """Returns the labelled images of a segment; most images have no labels."""
    wanted = _sequences(path)
    found = {}
    for row in read_rows(images, [TIME, CAMERA, _IMAGE]):
        key = row[TIME].as_py(), row[CAMERA].as_py()
        if key in wanted:
            found[key] = row[_IMAGE].as_py()
    return found
