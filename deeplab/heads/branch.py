"""The decoder branch and prediction head that Panoptic-DeepLab and its variants share.

Panoptic-DeepLab: A Simple, Strong, and Fast Baseline for Bottom-Up Panoptic
Segmentation, Bowen Cheng, Maxwell D. Collins, Yukun Zhu, Ting Liu, Thomas S. Huang,
Hartwig Adam, Liang-Chieh Chen, CVPR 2020, https://arxiv.org/abs/1911.10194.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.aspp import ASPP, PoolSize
from deeplab.layers.convolution import Conv2DSame, StackedConv2DSame
from deeplab.ops.resize import resize_bilinear, spatial_size
from deeplab.protos.model_pb2 import DecoderOptions, HeadOptions, LowLevelOptions


@dataclass(frozen=True)
class LowLevelConfig:
    """A finer feature that a branch fuses, and the channels it is projected to."""

    feature: str
    channels: int


@dataclass(frozen=True)
class BranchConfig:
    """Sizes of a decoder branch.

    Attributes:
      feature: name of the coarse feature that is the input of ASPP.
      low_levels: finer features, from coarse to fine.
      aspp_channels: output channels of ASPP.
      decoder_channels: output channels of each fusion.
      atrous_rates: the three atrous rates of ASPP.
      conv_type: "standard_conv" or "depthwise_separable_conv".
      only_projection: whether a 1x1 convolution replaces ASPP.
    """

    feature: str
    low_levels: tuple[LowLevelConfig, ...]
    aspp_channels: int
    decoder_channels: int
    atrous_rates: tuple[int, ...]
    conv_type: str = "depthwise_separable_conv"
    only_projection: bool = False

    @property
    def features(self) -> list[str]:
        """Names of all features, the coarsest first."""
        return [self.feature, *(low.feature for low in self.low_levels)]


class DecoderBranch(tf_keras.layers.Layer):
    """ASPP on the coarse feature, then one fusion per finer feature."""

    def __init__(
        self,
        config: BranchConfig,
        *,
        name: str,
        norm: NormConfig,
        activation: str = "relu",
    ):
        super().__init__(name=name)
        self._config = config
        self._aspp = ASPP(
            config.aspp_channels,
            config.atrous_rates,
            norm=norm,
            only_projection=config.only_projection,
            activation=activation,
        )
        for i, low_level in enumerate(config.low_levels, start=1):
            project = Conv2DSame(
                low_level.channels,
                1,
                name=f"low_level_conv{i}",
                norm=norm,
                activation=activation,
            )
            fuse = StackedConv2DSame(
                1,
                config.conv_type,
                config.decoder_channels,
                5,
                name=f"fusion_conv{i}",
                norm=norm,
                activation=activation,
            )
            setattr(self, f"_low_level_conv{i}", project)
            setattr(self, f"_fusion_conv{i}", fuse)

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns `[b, h, w, decoder_channels]` at the stride of the finest feature."""
        config = self._config
        x = self._aspp(features[config.feature], pool_size=pool_size, training=training)
        for i, low_level in enumerate(config.low_levels, start=1):
            project = getattr(self, f"_low_level_conv{i}")
            low = project(features[low_level.feature], training=training)
            x = tf.concat([resize_bilinear(x, spatial_size(low)), low], axis=-1)
            x = getattr(self, f"_fusion_conv{i}")(x, training=training)
        return x


class PredictionHead(tf_keras.layers.Layer):
    """A 5x5 convolution, then a linear 1x1 convolution in float32."""

    def __init__(
        self,
        channels: int,
        output_channels: int,
        *,
        name: str,
        norm: NormConfig,
        conv_type: str = "depthwise_separable_conv",
        activation: str = "relu",
    ):
        """Makes the convolutions.

        Args:
          channels: output channels of the first convolution.
          output_channels: channels of the prediction.
          name: name of the layer.
          norm: kind and options of the norm after the first convolution.
          conv_type: type of the first convolution, as in `BranchConfig`.
          activation: activation after the first convolution.
        """
        super().__init__(name=name)
        self.conv_block = StackedConv2DSame(
            1,
            conv_type,
            channels,
            5,
            name="conv_block",
            norm=norm,
            activation=activation,
        )
        self.final_conv = tf_keras.layers.Conv2D(
            output_channels,
            1,
            kernel_initializer=tf_keras.initializers.get(
                {"class_name": "TruncatedNormal", "config": {"stddev": 0.01}}
            ),
            name="final_conv",
            dtype="float32",
        )

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, h, w, output_channels]` float32."""
        return self.final_conv(self.conv_block(features, training=training))


def branch_config(
    decoder: DecoderOptions, low_levels: Iterable[LowLevelOptions]
) -> BranchConfig:
    """Returns the sizes in a `DecoderOptions` message and its `LowLevelOptions`."""
    return BranchConfig(
        feature=decoder.feature_key,
        low_levels=tuple(
            LowLevelConfig(low.feature_key, low.channels_project) for low in low_levels
        ),
        aspp_channels=decoder.aspp_channels,
        decoder_channels=decoder.decoder_channels,
        atrous_rates=tuple(decoder.atrous_rates),
        conv_type=decoder.decoder_conv_type,
        only_projection=decoder.aspp_use_only_1x1_proj_conv,
    )


def prediction_head(
    options: HeadOptions,
    output_channels: int,
    *,
    name: str,
    norm: NormConfig,
    activation: str = "relu",
) -> PredictionHead:
    """Returns the head that a `HeadOptions` message describes.

    Raises:
      ValueError: `output_channels` in the message differs from the argument.
    """
    if options.output_channels != output_channels:
        raise ValueError(
            f"{name}.output_channels is {options.output_channels}, but must be "
            f"{output_channels}"
        )
    return PredictionHead(
        options.head_channels,
        output_channels,
        name=name,
        norm=norm,
        conv_type=options.head_conv_type,
        activation=activation,
    )
