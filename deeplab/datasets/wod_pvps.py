"""Waymo Open Dataset, panoramic video panoptic segmentation.

Jieru Mei et al., "Waymo Open Dataset: Panoramic Video Panoptic Segmentation",
ECCV 2022 (https://arxiv.org/abs/2206.07704).
"""

from __future__ import annotations

from typing import Any

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, table_info

_CAMERAS = (
    "side_left",
    "front_left",
    "front",
    "front_right",
    "side_right",
    "panorama",
)


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
def image() -> Dataset:
    """Single images of one camera."""
    return Dataset(_info("wod_pvps_image_panoptic_seg"))


@DATASETS.register("wod_pvps_depth_video_panoptic_seg")
def depth_video() -> Dataset:
    """Frame pairs with depth, of one camera."""
    name = "wod_pvps_depth_video_panoptic_seg"
    return Dataset(_info(name, is_depth=True, ignore_depth=0))


@DATASETS.register("wod_pvps_image_panoptic_seg_multicam")
def image_multicam() -> Dataset:
    """Single images, all cameras in one record."""
    name = "wod_pvps_image_panoptic_seg_multicam"
    return Dataset(_info(name, camera_names=_CAMERAS))


@DATASETS.register("wod_pvps_depth_video_panoptic_seg_multicam")
def depth_video_multicam() -> Dataset:
    """Frame pairs with depth, all cameras in one record."""
    name = "wod_pvps_depth_video_panoptic_seg_multicam"
    return Dataset(_info(name, is_depth=True, ignore_depth=0, camera_names=_CAMERAS))
