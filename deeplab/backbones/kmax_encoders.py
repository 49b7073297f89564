"""Pixel encoders of kMaX-DeepLab: backbones that also return unactivated features.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. As published, drop path increases linearly with depth
for every data set; `drop_path_schedule` is not an option of these backbones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.backbones import BACKBONES, convnext, moat
from deeplab.backbones.axial_resnet import attention_config
from deeplab.backbones.convnext import ConvNeXt, ConvNeXtSize, build_convnext
from deeplab.backbones.moat import Moat, build_moat
from deeplab.backbones.resnet import resnet50_stages
from deeplab.backbones.stages import BlockConfig, ResidualBackbone
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.layers.stems import InceptionStem, resnet_stem
from deeplab.protos.model_pb2 import ModelOptions

# Size of MOAT -> image size and data of the pretraining, as in the published name.
MOAT_PRETRAINING = {
    "moat0": ("pretrain_224", "1k"),
    "moat1": ("pretrain_224", "1k"),
    "moat2": ("finetune_384", "22k"),
    "moat3": ("finetune_512", "22k"),
    "moat4": ("finetune_512", "22k"),
    "tiny_moat0": ("pretrain_256", "1k"),
    "tiny_moat1": ("pretrain_256", "1k"),
    "tiny_moat2": ("pretrain_256", "1k"),
    "tiny_moat3": ("pretrain_256", "1k"),
}


class ResidualPixelEncoder(ResidualBackbone):
    """A residual backbone that returns `stage1` to `stage5` and `res1` to `res5`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.feature_specs = with_stages(self.feature_specs)

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `stage<n>` before and `res<n>` after activation, n from 1 to 5."""
        features = {"stage1": self._stem(images, training=training)}
        features["res1"] = self._activation(features["stage1"])
        for index in range(2, 6):
            stage = getattr(self, f"_stage{index}")
            features[f"stage{index}"], features[f"res{index}"] = stage(
                features[f"res{index - 1}"], training=training
            )
        return features


def with_stages(specs: Mapping[str, FeatureSpec]) -> dict[str, FeatureSpec]:
    """Returns the specs of the features `res<n>`, and the same for each `stage<n>`."""
    return {
        name: spec
        for res, spec in specs.items()
        for name, spec in ((res.replace("res", "stage"), spec), (res, spec))
    }


def _blocks(
    options: ModelOptions.BackboneOptions, activation: str, axial_beyond_stride: int
) -> BlockConfig:
    # `block_config` would read `drop_path_schedule`, and thereby accept it.
    return BlockConfig(
        squeeze_excite=options.use_squeeze_and_excite,
        sac_beyond_stride=options.use_sac_beyond_stride,
        drop_path_keep_prob=options.drop_path_keep_prob,
        drop_path_schedule="linear",
        recompute=options.recompute,
        activation=activation,
        axial_beyond_stride=axial_beyond_stride,
        attention=attention_config(options),
    )


@BACKBONES.register("kmax_resnet50")
def build_kmax_resnet50(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds ResNet-50."""
    width = options.backbone.stem_width_multiplier
    stem, channels = resnet_stem(width, norm), round(64 * width)
    return _resnet("kmax_resnet50", stem, channels, options.backbone, "relu", 0, norm)


@BACKBONES.register("kmax_axial_resnet50")
def build_kmax_axial_resnet50(
    options: ModelOptions, norm: NormConfig
) -> ResidualBackbone:
    """Builds ResNet-50-Beta with axial attention beyond stride 16, as in MaX-S."""
    stem = InceptionStem(options.backbone.stem_width_multiplier, norm, "gelu")
    return _resnet(
        "kmax_axial_resnet50", stem, stem.channels, options.backbone, "gelu", 16, norm
    )


def _resnet(
    name, stem, stem_channels, options, activation, axial_beyond_stride, norm
) -> ResidualBackbone:
    return ResidualPixelEncoder(
        stem,
        stem_channels,
        resnet50_stages(options),
        name=name,
        output_stride=options.output_stride,
        blocks=_blocks(options, activation, axial_beyond_stride),
        norm=norm,
    )


def _register_convnext(name: str, size: ConvNeXtSize) -> None:
    @BACKBONES.register(name)
    def build(options: ModelOptions, norm: NormConfig) -> ConvNeXt:
        del norm  # ConvNeXt uses layer normalisation.
        return build_convnext(name, size, options)


def _register_moat(name: str, size: str, position_embedding: bool | None) -> None:
    @BACKBONES.register(name)
    def build(options: ModelOptions, norm: NormConfig) -> Moat:
        return build_moat(name, moat.SIZES[size], options, norm, position_embedding)


for _size, _convnext in convnext.SIZES.items():
    _register_convnext(f"kmax_{_size}", _convnext)
for _size, (_pretraining, _data) in MOAT_PRETRAINING.items():
    _register_moat(f"kmax_{_size}_{_pretraining}_{_data}", _size, None)
    # The variant without relative position biases.
    _register_moat(f"kmax_{_size}_{_pretraining}_no_pe_{_data}", _size, False)
