"""Mean and standard deviation of ImageNet, as in torchvision, MXNet and timm."""

from __future__ import annotations

from deeplab.input_normalization import INPUT_NORMALIZATIONS
from deeplab.input_normalization.base import PerChannel

INPUT_NORMALIZATIONS.register("imagenet")(
    PerChannel(
        (0.485 * 255, 0.456 * 255, 0.406 * 255),
        (0.229 * 255, 0.224 * 255, 0.225 * 255),
    )
)
