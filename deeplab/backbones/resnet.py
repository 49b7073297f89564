"""ResNet-50 with a 7x7 stem, and its "beta" variant with three 3x3 convolutions.

Deep Residual Learning for Image Recognition, Kaiming He, Xiangyu Zhang, Shaoqing
Ren, Jian Sun, CVPR 2016, https://arxiv.org/abs/1512.03385. The departures are those of
the published DeepLab weights: there is no pooling after the stem (the next block has
the stride), and a stage is strided in the 3x3 convolution of its first block.
"""

from __future__ import annotations

from deeplab.backbones import BACKBONES
from deeplab.backbones.stages import (
    ResidualBackbone,
    StageConfig,
    block_config,
    scaled_blocks,
)
from deeplab.core.specs import NormConfig
from deeplab.layers.stems import InceptionStem, resnet_stem
from deeplab.protos.model_pb2 import ModelOptions

RESNET50 = (3, 4, 6, 3)


def resnet50_stages(options: ModelOptions.BackboneOptions) -> list[StageConfig]:
    """Returns stages 2 to 5 of bottleneck blocks, with 256 to 2048 output channels."""
    stages = []
    num_blocks = scaled_blocks(RESNET50, options.backbone_layer_multiplier)
    for index, blocks in enumerate(num_blocks, start=2):
        input_stride = 2 ** (index - 1)
        width = round(32 * input_stride * options.backbone_width_multiplier)
        stages.append(
            StageConfig(index, blocks, (width, width, 4 * width), input_stride)
        )
    return stages


@BACKBONES.register("resnet50")
def build_resnet50(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds ResNet-50."""
    stem = resnet_stem(options.backbone.stem_width_multiplier, norm)
    channels = round(64 * options.backbone.stem_width_multiplier)
    return _build("resnet50", stem, channels, options.backbone, norm)


@BACKBONES.register("resnet50_beta")
def build_resnet50_beta(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds ResNet-50 with the Inception stem."""
    stem = InceptionStem(options.backbone.stem_width_multiplier, norm)
    return _build("resnet50_beta", stem, stem.channels, options.backbone, norm)


def _build(name, stem, stem_channels, options, norm) -> ResidualBackbone:
    return ResidualBackbone(
        stem,
        stem_channels,
        resnet50_stages(options),
        name=name,
        output_stride=options.output_stride,
        blocks=block_config(options),
        norm=norm,
    )
