"""Backbones: networks that turn an image into feature maps at several strides.

`BACKBONES.get(name)(options, norm)` builds one from the `backbone` of `ModelOptions`.
"""

from collections.abc import Callable

from deeplab.backbones.base import Backbone
from deeplab.core.specs import NormConfig
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.registry import Registry

BACKBONES: Registry[Callable[[ModelOptions, NormConfig], Backbone]] = Registry(
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
