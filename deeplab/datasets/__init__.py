"""Data sets: the meaning of their labels, and readers of their raw folders."""

from __future__ import annotations

from collections.abc import Callable

from deeplab.datasets.base import Dataset
from deeplab.registry import Registry

# Builders: `DATASETS.get(name)()` is a `Dataset`. One module of members per line.
DATASETS: Registry[Callable[..., Dataset]] = Registry(
    "data set",
    __name__,
    [
        "ade20k",
        "ade20k_semantic",
        "bdd100k",
        "camvid",
        "cityscapes",
        "coco",
        "coco_instances",
        "coco_stuff",
        "dvps",
        "folder",
        "imagenet",
        "mapillary_vistas",
        "nyuv2",
        "pascal_context",
        "pascal_voc",
        "step",
        "sun_rgbd",
        "toy_street.images",
        "toy_street.videos",
        "waymo.pvps",
    ],
)
