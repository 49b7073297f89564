"""Cityscapes-DVPS and SemKITTI-DVPS: videos with panoptic labels and depth.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258).
"""

from __future__ import annotations

from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, table_info
from deeplab.datasets.cityscapes import MASK_DEFAULTS


@DATASETS.register("cityscapes_dvps")
def cityscapes_dvps() -> Dataset:
    """Cityscapes-DVPS; void is 32 here, not 255."""
    return Dataset(
        table_info(
            "cityscapes_dvps",
            table="cityscapes",
            ignore_label=32,
            label_divisor=1000,
            splits={"train": 2000, "val": 250, "test": 250},
            is_video=True,
            is_depth=True,
            ignore_depth=0,
            masks=MASK_DEFAULTS,
        )
    )


@DATASETS.register("semkitti_dvps")
def semkitti_dvps() -> Dataset:
    """SemKITTI-DVPS; depth and labels are projected from laser points."""
    return Dataset(
        table_info(
            "semkitti_dvps",
            table="semkitti_dvps",
            ignore_label=255,
            label_divisor=65536,
            splits={"train": 19120, "val": 4070, "test": 4340},
            is_video=True,
            is_depth=True,
            ignore_depth=0,
        )
    )
