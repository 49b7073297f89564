"""MobileNetV3, large and small, with atrous convolution.

Searching for MobileNetV3, Andrew Howard, Mark Sandler, Grace Chu, Liang-Chieh Chen,
Bo Chen, Mingxing Tan, Weijun Wang, Yukun Zhu, Ruoming Pang, Vijay Vasudevan, Quoc V.
Le, Hartwig Adam, ICCV 2019, https://arxiv.org/abs/1905.02244. Features are the expanded
ones after the depthwise convolution of a block, except at both ends of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.backbones.base import Backbone
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.layers.convolution import Conv2DSame
from deeplab.layers.residual import (
    BottleneckChannels,
    InvertedBottleneck,
    SpatialKernel,
)
from deeplab.protos.model_pb2 import ModelOptions

_DIVISOR = 8
_SQUEEZE_RATIO = 0.25


class BlockSpec(NamedTuple):
    """One row of the paper's tables."""

    kernel_size: int
    strides: int
    channels: int
    activation: str
    # None means a plain convolution.
    expand_ratio: float | None
    squeeze_excite: bool = False
    # Whether this row returns the next `res<n>`.
    is_feature: bool = False


SMALL = (
    BlockSpec(3, 2, 16, "hard_swish", None, False, True),
    BlockSpec(3, 2, 16, "relu", 1, True, True),
    BlockSpec(3, 2, 24, "relu", 72 / 16),
    BlockSpec(3, 1, 24, "relu", 88 / 24, False, True),
    BlockSpec(5, 2, 40, "hard_swish", 4, True),
    BlockSpec(5, 1, 40, "hard_swish", 6, True),
    BlockSpec(5, 1, 40, "hard_swish", 6, True),
    BlockSpec(5, 1, 48, "hard_swish", 3, True),
    BlockSpec(5, 1, 48, "hard_swish", 3, True, True),
    BlockSpec(5, 2, 96, "hard_swish", 6, True),
    BlockSpec(5, 1, 96, "hard_swish", 6, True),
    BlockSpec(5, 1, 96, "hard_swish", 6, True),
    BlockSpec(1, 1, 576, "hard_swish", None, False, True),
)
LARGE = (
    BlockSpec(3, 2, 16, "hard_swish", None),
    BlockSpec(3, 1, 16, "relu", 1, False, True),
    BlockSpec(3, 2, 24, "relu", 4),
    BlockSpec(3, 1, 24, "relu", 3, False, True),
    BlockSpec(5, 2, 40, "relu", 3, True),
    BlockSpec(5, 1, 40, "relu", 3, True),
    BlockSpec(5, 1, 40, "relu", 3, True, True),
    BlockSpec(3, 2, 80, "hard_swish", 6),
    BlockSpec(3, 1, 80, "hard_swish", 2.5),
    BlockSpec(3, 1, 80, "hard_swish", 2.3),
    BlockSpec(3, 1, 80, "hard_swish", 2.3),
    BlockSpec(3, 1, 112, "hard_swish", 6, True),
    BlockSpec(3, 1, 112, "hard_swish", 6, True, True),
    BlockSpec(5, 2, 160, "hard_swish", 6, True),
    BlockSpec(5, 1, 160, "hard_swish", 6, True),
    BlockSpec(5, 1, 160, "hard_swish", 6, True),
    BlockSpec(1, 1, 960, "hard_swish", None, False, True),
)


class MobileNetV3(Backbone):
    """A convolution, inverted bottlenecks, and a 1x1 convolution."""

    def __init__(
        self,
        specs: Sequence[BlockSpec],
        *,
        name: str,
        output_stride: int,
        norm: NormConfig,
        width_multiplier: float = 1.0,
        squeeze_excite: bool = True,
        recompute: bool = False,
    ):
        """Creates the blocks.

        Args:
          specs: rows of the table in the paper.
          name: name of the network.
          output_stride: largest stride: 8, 16 or 32.
          norm: kind and options of the norms.
          width_multiplier: factor of all channels.
          squeeze_excite: whether to use the squeeze-and-excite layers of the table.
          recompute: whether to recompute activations in the backward pass.
        """
        super().__init__(name=name)
        self.feature_specs = {}
        self._feature_names: list[str | None] = []
        self._blocks = []
        in_channels, stride, atrous_rate = 3, 1, 1
        for index, spec in enumerate(specs, start=1):
            channels = divisible(spec.channels * width_multiplier)
            reached = stride == output_stride
            kernel = SpatialKernel(
                spec.kernel_size,
                strides=1 if reached else spec.strides,
                atrous_rate=atrous_rate if spec.kernel_size > 1 else 1,
            )
            if spec.expand_ratio is None:
                block = Conv2DSame(
                    channels,
                    kernel.size,
                    name=f"conv_bn_{index}",
                    strides=kernel.strides,
                    atrous_rate=kernel.atrous_rate,
                    norm=norm,
                    activation=spec.activation,
                )
                width = channels
            else:
                width = in_channels
                if spec.expand_ratio > 1:
                    width = divisible(in_channels * spec.expand_ratio)
                squeezed = None
                if squeeze_excite and spec.squeeze_excite:
                    squeezed = divisible(int(width * _SQUEEZE_RATIO))
                block = InvertedBottleneck(
                    BottleneckChannels(
                        inputs=in_channels,
                        expanded=width,
                        outputs=channels,
                        squeezed=squeezed,
                    ),
                    kernel,
                    activation=spec.activation,
                    residual=spec.strides == 1 and in_channels == channels,
                    name=f"inverted_bottleneck_{index}",
                    norm=norm,
                    recompute_activations=recompute,
                )
            # Where a stride is left out, later kernels get a larger atrous rate.
            if reached:
                atrous_rate *= spec.strides
            else:
                stride *= spec.strides
            self._blocks.append(block)
            feature = f"res{len(self.feature_specs) + 1}" if spec.is_feature else None
            self._feature_names.append(feature)
            if feature:
                self.feature_specs[feature] = FeatureSpec(width, stride)
            in_channels = channels

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `res1` to `res5`."""
        x = images
        features = {}
        for block, name in zip(self._blocks, self._feature_names, strict=True):
            x = block(x, training=training)
            x, feature = x if isinstance(block, InvertedBottleneck) else (x, x)
            if name is not None:
                features[name] = feature
        return features


def divisible(channels: float) -> int:
    """Returns the nearest multiple of 8, at least 8 and at least 90% of `channels`."""
    nearest = max(_DIVISOR, int(channels + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return nearest + _DIVISOR if nearest < 0.9 * channels else nearest


@BACKBONES.register("mobilenet_v3_small")
def build_mobilenet_v3_small(options: ModelOptions, norm: NormConfig) -> MobileNetV3:
    """Builds MobileNetV3-Small."""
    return _build("mobilenet_v3_small", SMALL, options.backbone, norm)


@BACKBONES.register("mobilenet_v3_large")
def build_mobilenet_v3_large(options: ModelOptions, norm: NormConfig) -> MobileNetV3:
    """Builds MobileNetV3-Large."""
    return _build("mobilenet_v3_large", LARGE, options.backbone, norm)


def _build(name, specs, options, norm) -> MobileNetV3:
    return MobileNetV3(
        specs,
        name=name,
        output_stride=options.output_stride,
        norm=norm,
        width_multiplier=options.backbone_width_multiplier,
        squeeze_excite=options.use_squeeze_and_excite,
        recompute=options.recompute,
    )
