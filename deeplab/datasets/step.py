"""KITTI-STEP and MOTChallenge-STEP: videos whose every pixel is tracked.

Mark Weber et al., "STEP: Segmenting and Tracking Every Pixel", NeurIPS 2021
(https://arxiv.org/abs/2102.11859).
"""

from __future__ import annotations

from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, table_info


@DATASETS.register("kitti_step")
def kitti_step() -> Dataset:
    """KITTI-STEP: the Cityscapes classes, of which cars and persons are tracked."""
    return Dataset(
        table_info(
            "kitti_step",
            table="kitti_step",
            ignore_label=255,
            label_divisor=1000,
            splits={"train": 5027, "val": 2981, "test": 11095},
            is_video=True,
        )
    )


@DATASETS.register("motchallenge_step")
def motchallenge_step() -> Dataset:
    """MOTChallenge-STEP: seven classes, of which persons are tracked."""
    return Dataset(
        table_info(
            "motchallenge_step",
            table="motchallenge_step",
            ignore_label=255,
            label_divisor=1000,
            splits={"train": 525, "val": 600, "test": 0},
            is_video=True,
        )
    )
