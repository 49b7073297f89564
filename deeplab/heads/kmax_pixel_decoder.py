"""The pixel decoder of kMaX-DeepLab: from the coarsest feature to that of the masks.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. It has axial attention at strides 32 and 16, in the
role of the transformer encoder of other models, and bottleneck blocks at finer strides.
As published, their 3x3 convolutions have atrous rate 2. The private attribute names
are the keys of published checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from deeplab.core.specs import AxialAttentionConfig, FeatureSpec, NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.axial_block import AxialBlock
from deeplab.layers.residual import BlockOptions, ResidualBlock, Sampling
from deeplab.layers.resized_fuse import ResizedFuse
from deeplab.ops.resize import spatial_size

# Features of the encoder, from the coarsest to the finest.
ENCODER_FEATURES = ("stage5", "stage4", "stage3", "stage2", "stage1")
_ACTIVATION = "gelu"
_EXPANSION = 4  # Ratio of a block's output channels to its bottleneck channels.
_HEADS = 8
_ATROUS_RATE = 2


@dataclass(frozen=True)
class DecoderStage:
    """The blocks at one stride.

    Attributes:
      channels: bottleneck channels of a block; its output has four times as many.
      num_blocks: number of blocks.
      axial: whether the blocks use axial attention instead of convolutions.
    """

    channels: int
    num_blocks: int
    axial: bool = False

    @property
    def out_channels(self) -> int:
        """Output channels of the stage."""
        return _EXPANSION * self.channels


# At strides 32, 16, 8, 4 and 2.
PUBLISHED_STAGES = (
    DecoderStage(512, 1, axial=True),
    DecoderStage(256, 5, axial=True),
    DecoderStage(128, 1),
    DecoderStage(64, 1),
    DecoderStage(32, 1),
)


class DecoderBlocks(tf_keras.layers.Layer):
    """The blocks of one stage."""

    def __init__(
        self, stage: DecoderStage, in_channels: int, *, name: str, norm: NormConfig
    ):
        super().__init__(name=name)
        self._names = [f"_block{i + 1}" for i in range(stage.num_blocks)]
        for attribute in self._names:
            setattr(self, attribute, _block(stage, in_channels, attribute[1:], norm))
            in_channels = stage.out_channels

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, h, w, out_channels]` before the activation.

        Args:
          inputs: `[b, h, w, in_channels]`, after the activation.
          training: whether to use batch statistics.
        """
        features = activated = inputs
        for attribute in self._names:
            features, activated = getattr(self, attribute)(activated, training=training)
        return features


class KMaXPixelDecoder(tf_keras.layers.Layer):
    """Stages of blocks; each fuses the encoder feature at its stride."""

    def __init__(
        self,
        stages: tuple[DecoderStage, ...],
        feature_specs: Mapping[str, FeatureSpec],
        *,
        norm: NormConfig,
    ):
        """Makes the layers.

        Args:
          stages: one stage per encoder feature, from the coarsest to the finest.
          feature_specs: the features that the encoder provides.
          norm: kind and options of the norms.
        """
        super().__init__(name="kmax_pixel_decoder")
        self._features = ENCODER_FEATURES[: len(stages)]
        self._activation = get_activation(_ACTIVATION)
        self._backbone_norms = [
            tf_keras.layers.LayerNormalization(epsilon=1e-6, name=f"norm_{feature}")
            for feature in self._features
        ]
        in_channels = [feature_specs[self._features[0]].channels]
        in_channels += [stage.channels for stage in stages[1:]]
        self._stages = [
            DecoderBlocks(stage, channels, name=f"blocks_{i}", norm=norm)
            for i, (stage, channels) in enumerate(zip(stages, in_channels, strict=True))
        ]
        self._skip_connections = [
            ResizedFuse(
                stage.channels, name=f"skip_{i}", norm=norm, activation=_ACTIVATION
            )
            for i, stage in enumerate(stages[1:])
        ]

    def call(
        self, features: Mapping[str, tf.Tensor], training: bool = False
    ) -> list[tf.Tensor]:
        """Returns the output of each stage, at the size of its encoder feature.

        Args:
          features: encoder features `[b, h, w, c]` before the activation.
          training: whether to use batch statistics.

        Returns:
          `[b, h, w, out_channels]` per stage before the activation, coarsest first.
        """
        skips = [
            norm(features[name])
            for name, norm in zip(self._features, self._backbone_norms, strict=True)
        ]
        coarsest = self._activation(skips[0])
        outputs = [self._stages[0](coarsest, training=training)]
        for stage, fuse, skip in zip(
            self._stages[1:], self._skip_connections, skips[1:], strict=True
        ):
            x = fuse([outputs[-1], skip], spatial_size(skip), training=training)
            outputs.append(stage(x, training=training))
        return outputs


def scaled_stage(
    stage: DecoderStage, *, width_multiplier: float, layer_multiplier: float
) -> DecoderStage:
    """Returns the stage with scaled channels and blocks, and at least one block."""
    return DecoderStage(
        scaled_channels(stage.channels, width_multiplier, _HEADS if stage.axial else 1),
        max(1, int(stage.num_blocks * layer_multiplier)),
        stage.axial,
    )


def scaled_channels(channels: int, multiplier: float, divisor: int) -> int:
    """Returns `channels * multiplier`, rounded to the nearest multiple of `divisor`."""
    return max(1, round(channels * multiplier / divisor)) * divisor


def _block(
    stage: DecoderStage, in_channels: int, name: str, norm: NormConfig
) -> tf_keras.layers.Layer:
    inner, outer = stage.channels, stage.out_channels
    options = BlockOptions(activation=_ACTIVATION)
    if stage.axial:
        return AxialBlock(
            in_channels,
            (2 * inner, inner, outer),
            name=name,
            norm=norm,
            attention=AxialAttentionConfig(num_heads=_HEADS),
            options=options,
        )
    return ResidualBlock(
        in_channels,
        (inner, inner, outer),
        name=name,
        norm=norm,
        sampling=Sampling(atrous_rate=_ATROUS_RATE),
        options=options,
    )
