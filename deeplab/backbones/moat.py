"""MOAT: alternating mobile convolution and attention.

MOAT: Alternating Mobile Convolution and Attention Brings Strong Vision Models,
Chenglin Yang, Siyuan Qiao, Qihang Yu, Xiaoding Yuan, Yukun Zhu, Alan Yuille, Hartwig
Adam, Liang-Chieh Chen, ICLR 2023, https://arxiv.org/abs/2210.01820. Two stages of
MBConv blocks are followed by two stages of blocks with attention. The departure is that
of the published code for dense prediction: strided shortcuts average 3x3 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.backbones.base import Backbone
from deeplab.backbones.stages import scaled_blocks
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.drop_path import keep_prob_at
from deeplab.layers.folding import FoldableConv2D
from deeplab.layers.mbconv import (
    Downsampling,
    MBConvBlock,
    MoatBlock,
    RelativeAttentionConfig,
)
from deeplab.layers.normalization import normalization
from deeplab.layers.relative_attention import NORMAL
from deeplab.protos.model_pb2 import ModelOptions

_OUTPUT_STRIDE = 32
# Index of a stage -> side of the map that its table of biases is stored for. The sides
# are those of 224-pixel images, whatever the image size of the pretraining.
_EMBEDDING_SIZES = {2: 14, 3: 7}


class MoatSize(NamedTuple):
    """Channels of the stem, and numbers of blocks and channels of the four stages."""

    stem: int
    num_blocks: Sequence[int]
    channels: Sequence[int]


SIZES = {
    "moat0": MoatSize(64, (2, 3, 7, 2), (96, 192, 384, 768)),
    "moat1": MoatSize(64, (2, 6, 14, 2), (96, 192, 384, 768)),
    "moat2": MoatSize(128, (2, 6, 14, 2), (128, 256, 512, 1024)),
    "moat3": MoatSize(160, (2, 12, 28, 2), (160, 320, 640, 1280)),
    "moat4": MoatSize(256, (2, 12, 28, 2), (256, 512, 1024, 2048)),
    "tiny_moat0": MoatSize(32, (2, 3, 7, 2), (32, 64, 128, 256)),
    "tiny_moat1": MoatSize(40, (2, 3, 7, 2), (40, 80, 160, 320)),
    "tiny_moat2": MoatSize(56, (2, 3, 7, 2), (56, 112, 224, 448)),
    "tiny_moat3": MoatSize(80, (2, 3, 7, 2), (80, 160, 320, 640)),
}


@dataclass(frozen=True)
class MoatConfig:
    """Options shared by the blocks of all stages.

    Attributes:
      position_embedding: whether attention has a bias for each relative position.
      window: height and width of the attention windows in image pixels, multiples of
        32; None attends to the whole image.
      global_stage_end: whether the last block of each stage attends to the whole image
        even if `window` is set.
      pool_size: kernel size of the average pooling in strided shortcuts: 3 for dense
        prediction, 2 for classification.
      drop_path_keep_prob: probability of keeping a residual path; it decreases
        linearly from 1 with depth towards this value.
      recompute: whether to recompute activations in the backward pass.
    """

    position_embedding: bool = True
    window: Sequence[int] | None = None
    global_stage_end: bool = False
    pool_size: int = 3
    drop_path_keep_prob: float = 1.0
    recompute: bool = False

    def attention(self, stage: int, is_last: bool) -> RelativeAttentionConfig:
        """Returns the attention options of a block; stages are numbered from 0."""
        stride = 2 ** (stage + 2)
        window = None
        if self.window is not None and not (is_last and self.global_stage_end):
            window = (self.window[0] // stride, self.window[1] // stride)
        size = _EMBEDDING_SIZES[stage] if self.position_embedding else None
        return RelativeAttentionConfig(position_embedding_size=size, window=window)


class Moat(Backbone):
    """A stem of two convolutions and four stages that each halve the resolution."""

    def __init__(
        self,
        size: MoatSize,
        *,
        name: str,
        norm: NormConfig,
        config: MoatConfig,
    ):
        """Creates the blocks.

        Args:
          size: numbers of blocks and channels.
          name: name of the network.
          norm: kind and options of the norms.
          config: options shared by all blocks.

        Raises:
          ValueError: the window is not a multiple of the last stride, 32.
        """
        super().__init__(name=name)
        window = config.window
        if window and any(side < 1 or side % _OUTPUT_STRIDE for side in window):
            raise ValueError(
                f"backbone.attention_window {list(window)}: choose multiples of "
                f"{_OUTPUT_STRIDE}"
            )
        self._activation = get_activation("gelu")
        self._stem = _Stem(size.stem, norm)
        self._blocks = []
        specs = _specs(1, FeatureSpec(size.stem, 2))
        in_channels, total = size.stem, sum(size.num_blocks)
        for stage, (count, channels) in enumerate(
            zip(size.num_blocks, size.channels, strict=True)
        ):
            blocks = []
            for index in range(count):
                arguments: dict[str, Any] = {
                    "name": f"block_{stage:02d}_{index:02d}",
                    "norm": norm,
                    "downsampling": Downsampling(
                        2 if index == 0 else 1, config.pool_size
                    ),
                    "keep_prob": keep_prob_at(
                        config.drop_path_keep_prob,
                        "linear",
                        sum(size.num_blocks[:stage]) + index,
                        total,
                    ),
                    "recompute_activations": config.recompute,
                }
                make: Callable[..., tf_keras.layers.Layer] = MBConvBlock
                if stage in _EMBEDDING_SIZES:
                    make = MoatBlock
                    last = index == count - 1
                    arguments["attention"] = config.attention(stage, last)
                blocks.append(make(in_channels, channels, **arguments))
                in_channels = channels
            self._blocks.append(blocks)
            specs |= _specs(stage + 2, FeatureSpec(channels, 2 ** (stage + 2)))
        self.feature_specs = specs

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `stage<n>` before and `res<n>` after activation; 1 is the stem."""
        x = self._stem(images, training=training)
        maps = [x]
        for blocks in self._blocks:
            for block in blocks:
                x = block(x, training=training)
            maps.append(x)
        features = {f"stage{i}": x for i, x in enumerate(maps, start=1)}
        activated = {f"res{i}": self._activation(x) for i, x in enumerate(maps, 1)}
        return features | activated


class _Stem(tf_keras.layers.Layer):
    """Two 3x3 convolutions; layers are numbered as in published checkpoints."""

    def __init__(self, channels: int, norm: NormConfig):
        super().__init__(name="stem")
        self._activation = get_activation("gelu")
        layers = (
            _conv(channels, 2, "conv_0", norm.weight_standardization),
            normalization(norm, name="norm_0"),
            _conv(channels, 1, "conv_1"),
        )
        for index, layer in enumerate(layers):
            setattr(self, f"layer_with_weights-{index}", layer)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        first, norm, second = (
            getattr(self, f"layer_with_weights-{index}") for index in range(3)
        )
        return second(self._activation(norm(first(inputs), training=training)))


def _conv(
    channels: int, strides: int, name: str, weight_standardization: bool = False
) -> FoldableConv2D:
    return FoldableConv2D(
        channels,
        3,
        strides=strides,
        padding="same",
        kernel_initializer=NORMAL,
        weight_standardization=weight_standardization,
        name=name,
    )


def _specs(index: int, spec: FeatureSpec) -> dict[str, FeatureSpec]:
    return {f"stage{index}": spec, f"res{index}": spec}


def build_moat(
    name: str,
    size: MoatSize,
    options: ModelOptions,
    norm: NormConfig,
    position_embedding: bool | None = None,
) -> Moat:
    """Builds a MOAT of a given size and name.

    Args:
      name: name of the network.
      size: numbers of blocks and channels, before the multipliers of the options.
      options: options of the model.
      norm: kind and options of the norms.
      position_embedding: overrides the option of this name unless None.

    Raises:
      ValueError: an option is out of range.
    """
    backbone = options.backbone
    if backbone.output_stride != _OUTPUT_STRIDE:
        raise ValueError(
            f"backbone.output_stride {backbone.output_stride}: MOAT supports only "
            f"{_OUTPUT_STRIDE}"
        )
    window = tuple(backbone.attention_window)
    if len(window) not in (0, 2):
        raise ValueError(
            f"backbone.attention_window {list(window)}: give height and width"
        )
    if position_embedding is None:
        position_embedding = backbone.position_embedding
    width = backbone.backbone_width_multiplier
    return Moat(
        MoatSize(
            round(size.stem * backbone.stem_width_multiplier),
            scaled_blocks(size.num_blocks, backbone.backbone_layer_multiplier),
            [round(channels * width) for channels in size.channels],
        ),
        name=name,
        norm=norm,
        config=MoatConfig(
            position_embedding=position_embedding,
            window=window or None,
            global_stage_end=backbone.global_attention_at_stage_end,
            drop_path_keep_prob=backbone.drop_path_keep_prob,
            recompute=backbone.recompute,
        ),
    )


def _register(name: str, size: MoatSize) -> None:
    @BACKBONES.register(name)
    def build(options: ModelOptions, norm: NormConfig) -> Moat:
        return build_moat(name, size, options, norm)


for _name, _size in SIZES.items():
    _register(_name, _size)
