"""ConvNeXt: a convolutional network with the macro design of vision transformers.

A ConvNet for the 2020s, Zhuang Liu, Hanzi Mao, Chao-Yuan Wu, Christoph Feichtenhofer,
Trevor Darrell, Saining Xie, CVPR 2022, https://arxiv.org/abs/2201.03545. The departures
are those of the published segmentation models: patches are padded, so that any input
size works, and no normalisation follows the stages. For output strides below 32, the
last stages use atrous convolution, which no published model does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.backbones.base import Backbone
from deeplab.backbones.stages import scaled_blocks
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.convnext_block import ConvNeXtBlock, Patches
from deeplab.layers.drop_path import keep_prob_at
from deeplab.protos.model_pb2 import ModelOptions

_STEM_STRIDE = 4


class ConvNeXtSize(NamedTuple):
    """Numbers of blocks and channels of the four stages."""

    num_blocks: tuple[int, int, int, int]
    channels: tuple[int, int, int, int]


SIZES = {
    "convnext_tiny": ConvNeXtSize((3, 3, 9, 3), (96, 192, 384, 768)),
    "convnext_small": ConvNeXtSize((3, 3, 27, 3), (96, 192, 384, 768)),
    "convnext_base": ConvNeXtSize((3, 3, 27, 3), (128, 256, 512, 1024)),
    "convnext_large": ConvNeXtSize((3, 3, 27, 3), (192, 384, 768, 1536)),
}


class ConvNeXt(Backbone):
    """Four stages of blocks, each preceded by a downsampling convolution."""

    def __init__(
        self,
        num_blocks: Sequence[int],
        channels: Sequence[int],
        *,
        name: str,
        output_stride: int = 32,
        drop_path_keep_prob: float = 1.0,
        recompute: bool = False,
    ):
        """Creates the stages.

        Args:
          num_blocks: number of blocks of each stage.
          channels: channels of each stage.
          name: name of the network.
          output_stride: largest stride: 4, 8, 16 or 32.
          drop_path_keep_prob: probability of keeping the residual path of the last
            block; it decreases linearly from 1 at the first block.
          recompute: whether to recompute activations in the backward pass.

        Raises:
          ValueError: the output stride is not 4, 8, 16 or 32.
        """
        super().__init__(name=name)
        if output_stride not in (4, 8, 16, 32):
            raise ValueError(
                f"backbone.output_stride {output_stride}: choose 4, 8, 16 or 32"
            )
        self._activation = get_activation("gelu")
        self.downsample_layers = []
        self.stages = []
        specs = _specs(1, FeatureSpec(channels[0], _STEM_STRIDE))
        stride, atrous_rate, block = _STEM_STRIDE, 1, 0
        for index, (count, width) in enumerate(zip(num_blocks, channels, strict=True)):
            if index == 0:
                patches = Patches(
                    width, 4, name="stem", padding=(1, 2), normalize_first=False
                )
            else:
                strided = stride < output_stride
                patches = Patches(
                    width,
                    2,
                    name=f"downsampling_block_{index - 1}",
                    padding=(0, atrous_rate),
                    normalize_first=True,
                    strides=2 if strided else 1,
                    atrous_rate=atrous_rate,
                )
                # Where a stride is left out, later kernels get a larger atrous rate.
                stride *= 2 if strided else 1
                atrous_rate *= 1 if strided else 2
            self.downsample_layers.append(patches)
            keep_probs = [
                keep_prob_at(drop_path_keep_prob, "linear", i, sum(num_blocks) - 1)
                for i in range(block, block + count)
            ]
            block += count
            self.stages.append(_Stage(width, keep_probs, index, atrous_rate, recompute))
            specs |= _specs(index + 2, FeatureSpec(width, stride))
        self.feature_specs = specs

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `stage<n>` before and `res<n>` after activation, for n from 1 to 5.

        Number 1 is the stem, with stride 4.
        """
        x = images
        maps = []
        layers = zip(self.downsample_layers, self.stages, strict=True)
        for index, (patches, stage) in enumerate(layers):
            x = patches(x)
            if index == 0:
                maps.append(x)
            x = stage(x, training=training)
            maps.append(x)
        features = {f"stage{i}": x for i, x in enumerate(maps, start=1)}
        activated = {f"res{i}": self._activation(x) for i, x in enumerate(maps, 1)}
        return features | activated


class _Stage(tf_keras.layers.Layer):
    """A sequence of blocks, numbered as in published checkpoints."""

    def __init__(
        self,
        channels: int,
        keep_probs: Sequence[float],
        index: int,
        atrous_rate: int,
        recompute: bool,
    ):
        super().__init__(name=f"convnext_stage_{index}")
        self._row = [f"layer_with_weights-{i}" for i in range(len(keep_probs))]
        for i, keep_prob in enumerate(keep_probs):
            block = ConvNeXtBlock(
                channels,
                name=f"convnext_block_{index}_{i}",
                atrous_rate=atrous_rate,
                keep_prob=keep_prob,
                recompute_activations=recompute,
            )
            setattr(self, self._row[i], block)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = inputs
        for attribute in self._row:
            x = getattr(self, attribute)(x, training=training)
        return x


def _specs(index: int, spec: FeatureSpec) -> dict[str, FeatureSpec]:
    return {f"stage{index}": spec, f"res{index}": spec}


def build_convnext(name: str, size: ConvNeXtSize, options: ModelOptions) -> ConvNeXt:
    """Builds a ConvNeXt of a given size and name."""
    backbone = options.backbone
    width = backbone.backbone_width_multiplier
    return ConvNeXt(
        scaled_blocks(size.num_blocks, backbone.backbone_layer_multiplier),
        [round(channels * width) for channels in size.channels],
        name=name,
        output_stride=backbone.output_stride,
        drop_path_keep_prob=backbone.drop_path_keep_prob,
        recompute=backbone.recompute,
    )


def _register(name: str, size: ConvNeXtSize) -> None:
    @BACKBONES.register(name)
    def build(options: ModelOptions, norm: NormConfig) -> ConvNeXt:
        """Builds a ConvNeXt, which uses layer instead of batch normalisation."""
        del norm
        return build_convnext(name, size, options)


for _name, _size in SIZES.items():
    _register(_name, _size)
