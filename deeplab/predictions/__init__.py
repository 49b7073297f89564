"""Predictions as files: one module per format, with its reader and its writer.

`FORMATS.get(name)()` is a `deeplab.predictions.base.Format`. Formats depend only on
files and label maps, not on models: predictions of any program can be evaluated.
"""

from __future__ import annotations

from collections.abc import Callable

from deeplab.predictions.base import Format
from deeplab.registry import Registry

FORMATS: Registry[Callable[[], Format]] = Registry(
    "prediction format",
    __name__,
    [
        "coco_panoptic",
        "coco_instances",
        "cityscapes_panoptic",
        "cityscapes_pixel",
        "cityscapes_instances",
        "ade20k",
        "kitti_step",
        "motchallenge_step",
        "dvps",
        "channels",
        "semantic_png",
    ],
)
