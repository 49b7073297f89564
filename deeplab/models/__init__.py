"""Models: what puts a backbone, a head and the post-processing together.

`MODELS.get(name)(backbone=..., head=..., ...)` makes one; all take the arguments of
`deeplab.models.image_segmenter.ImageSegmenter`.
"""

from collections.abc import Callable
from typing import Any

from deeplab.registry import Registry

MODELS: Registry[Callable[..., Any]] = Registry(
    "model",
    __name__,
    [
        "classifier",
        "image_segmenter",
        "mask_transformer",
        "motion_deeplab",
        "vip_deeplab",
    ],
)
