"""Residual networks whose later blocks attend along the axes instead of convolving.

Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation, Huiyu Wang, Yukun
Zhu, Bradley Green, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2020,
https://arxiv.org/abs/2003.07853. Axial-SWideRNet comes from Scaling Wide Residual
Networks for Panoptic Segmentation, https://arxiv.org/abs/2011.11675, and the
MaX-DeepLab-S backbone, here without its memory path, from
https://arxiv.org/abs/2012.00759.

As in the published code, `axial_resnet_s` and `axial_deeplab_s` are the large networks
unless the config sets `backbone_width_multiplier: 0.5`.
"""

from __future__ import annotations

import dataclasses

from deeplab.backbones import BACKBONES
from deeplab.backbones.resnet import resnet50_stages
from deeplab.backbones.stages import BlockConfig, ResidualBackbone, block_config
from deeplab.backbones.wide_resnet import (
    DROP_PATH_BEYOND_STRIDE,
    wide_resnet41_stages,
)
from deeplab.core.specs import AxialAttentionConfig, NormConfig
from deeplab.layers.stems import InceptionStem, resnet_stem, wide_stem
from deeplab.protos.model_pb2 import ModelOptions

_WIDE_EXPANSION = 4  # Expansion of the first convolution of an axial block.


def axial_blocks(
    options: ModelOptions.BackboneOptions, beyond_stride: int
) -> BlockConfig:
    """Returns the blocks of a ResNet with attention beyond a stride."""
    return dataclasses.replace(
        block_config(options),
        axial_beyond_stride=beyond_stride,
        attention=attention_config(options),
    )


def wide_axial_blocks(options: ModelOptions.BackboneOptions) -> BlockConfig:
    """Returns the blocks of a wide ResNet with attention beyond stride 16."""
    return dataclasses.replace(
        block_config(options, DROP_PATH_BEYOND_STRIDE),
        axial_beyond_stride=16,
        attention=attention_config(options, key_expansion=2.0, value_expansion=4.0),
        attention_expansion=_WIDE_EXPANSION,
    )


def attention_config(
    options: ModelOptions.BackboneOptions,
    key_expansion: float = 1.0,
    value_expansion: float = 2.0,
) -> AxialAttentionConfig:
    """Returns the attention options of a backbone."""
    return AxialAttentionConfig(
        key_expansion=key_expansion,
        value_expansion=value_expansion,
        block=options.axial_attention_block,
        halo=options.axial_attention_halo,
    )


@BACKBONES.register("axial_resnet_l")
@BACKBONES.register("axial_resnet_s")
def build_axial_resnet(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds ResNet-50 with attention beyond stride 2."""
    width = options.backbone.stem_width_multiplier
    stem, channels = resnet_stem(width, norm), round(64 * width)
    return _resnet(options.backbone, 2, stem, channels, norm)


@BACKBONES.register("axial_deeplab_l")
@BACKBONES.register("axial_deeplab_s")
def build_axial_deeplab(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds ResNet-50 with attention beyond stride 2 and the Inception stem."""
    stem = InceptionStem(options.backbone.stem_width_multiplier, norm)
    return _resnet(options.backbone, 2, stem, stem.channels, norm)


@BACKBONES.register("max_deeplab_s_backbone")
def build_max_deeplab_s_backbone(
    options: ModelOptions, norm: NormConfig
) -> ResidualBackbone:
    """Builds ResNet-50-Beta with attention beyond stride 16."""
    stem = InceptionStem(options.backbone.stem_width_multiplier, norm)
    return _resnet(options.backbone, 16, stem, stem.channels, norm)


@BACKBONES.register("axial_swidernet")
def build_axial_swidernet(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds SWideRNet with attention beyond stride 16."""
    backbone = options.backbone
    return ResidualBackbone(
        wide_stem(backbone.stem_width_multiplier, norm),
        round(64 * backbone.stem_width_multiplier),
        wide_resnet41_stages(backbone),
        name=backbone.name,
        output_stride=backbone.output_stride,
        blocks=wide_axial_blocks(backbone),
        norm=norm,
    )


def _resnet(options, beyond_stride, stem, stem_channels, norm) -> ResidualBackbone:
    return ResidualBackbone(
        stem,
        stem_channels,
        resnet50_stages(options),
        name=options.name,
        output_stride=options.output_stride,
        blocks=axial_blocks(options, beyond_stride),
        norm=norm,
    )
