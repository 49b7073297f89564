"""Backbones: from an image to feature maps at several strides.

`BACKBONES.get(name)(options, norm)` builds one from the `backbone` of `ModelOptions`.
"""

from collections.abc import Callable
from typing import Any

from deeplab.registry import Registry

BACKBONES: Registry[Callable[[Any, Any], Any]] = Registry(
    "backbone",
    __name__,
    [
        "axial_resnet",
        "convnext",
        "kmax_encoders",
        "max_deeplab",
        "moat",
        "mobilenet_v3",
        "resnet",
        "wide_resnet",
    ],
)
