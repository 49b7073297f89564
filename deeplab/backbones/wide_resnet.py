"""Wide-ResNet-41 and SWideRNet, which scales its width and depth.

Scaling Wide Residual Networks for Panoptic Segmentation, Liang-Chieh Chen, Huiyu
Wang, Siyuan Qiao, https://arxiv.org/abs/2011.11675. The departures are those of the
published weights: a stage is strided in its first block instead of its last, there is
no pooling after the stem, and squeeze-and-excite is in all five stages.
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
from deeplab.layers.stems import wide_stem
from deeplab.protos.model_pb2 import ModelOptions

WIDE_RESNET41 = (3, 6, 3, 3)
_FIRST_STAGE_BLOCKS = 3
DROP_PATH_BEYOND_STRIDE = 4


def wide_resnet41_stages(options: ModelOptions.BackboneOptions) -> list[StageConfig]:
    """Returns stages 1 to 5, with basic blocks and, in the last, bottleneck blocks.

    Stage 1 always has three blocks. `stem_width_multiplier` scales its 128 channels,
    and `backbone_width_multiplier` the 256 to 2048 channels of the other stages.
    """
    narrow = 4 * round(32 * options.stem_width_multiplier)
    stages = [StageConfig(1, _FIRST_STAGE_BLOCKS, (narrow, narrow), 2, stride=1)]
    num_blocks = scaled_blocks(WIDE_RESNET41, options.backbone_layer_multiplier)
    for index, blocks in enumerate(num_blocks, start=2):
        input_stride = 2 ** (index - 1)
        width = round(32 * input_stride * options.backbone_width_multiplier)
        channels = (4 * width, 4 * width)
        if index == 5:
            channels = (width, 2 * width, 4 * width)
        stages.append(StageConfig(index, blocks, channels, input_stride))
    return stages


@BACKBONES.register("wide_resnet41")
def build_wide_resnet41(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds Wide-ResNet-41, which is SWideRNet with all multipliers set to 1."""
    return _build("wide_resnet41", options.backbone, norm)


@BACKBONES.register("swidernet")
def build_swidernet(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds SWideRNet-(stem width, width, layers) from the three multipliers."""
    return _build("swidernet", options.backbone, norm)


def _build(name, options, norm) -> ResidualBackbone:
    return ResidualBackbone(
        wide_stem(options.stem_width_multiplier, norm),
        round(64 * options.stem_width_multiplier),
        wide_resnet41_stages(options),
        name=name,
        output_stride=options.output_stride,
        blocks=block_config(options, DROP_PATH_BEYOND_STRIDE),
        norm=norm,
    )
