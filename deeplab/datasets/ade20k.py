"""ADE20K panoptic: scenes in 150 classes.

Bolei Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017
(https://groups.csail.mit.edu/vision/datasets/ADE20K/).
"""

from __future__ import annotations

from deeplab.core.dataset_info import MaskDefaults
from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, table_info


@DATASETS.register("ade20k_panoptic")
def ade20k_panoptic() -> Dataset:
    """ADE20K panoptic; class 0 of its label files is void."""
    return Dataset(
        table_info(
            "ade20k_panoptic",
            table="ade20k_panoptic",
            ignore_label=0,
            label_divisor=1000,
            splits={"train": 20210, "val": 2000},
            masks=MaskDefaults(keep_prob=1.0),
        )
    )
