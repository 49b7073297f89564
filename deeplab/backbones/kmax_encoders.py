"""Pixel encoders of kMaX-DeepLab: backbones that also give features not activated.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. As published, drop path grows linearly with depth,
whatever the data set: `drop_path_schedule` is not an option of these backbones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.backbones.convnext import (
    BASE,
    LARGE,
    SMALL,
    TINY,
    ConvNeXt,
    build_convnext,
)
from deeplab.backbones.resnet import RESNET50, resnet_stages
from deeplab.backbones.stages import BlockConfig, ResidualBackbone, scaled_blocks
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.layers.stems import resnet_stem
from deeplab.protos.model_pb2 import ModelOptions


class ResidualPixelEncoder(ResidualBackbone):
    """A residual backbone that offers `stage1` to `stage5` beside `res1` to `res5`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.feature_specs = with_stages(self.feature_specs)

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `res<n>`, activated, and `stage<n>`, before the activation."""
        features = {"stage1": self._stem(images, training=training)}
        features["res1"] = self._activation(features["stage1"])
        for index in range(2, 6):
            stage = getattr(self, f"_stage{index}")
            features[f"stage{index}"], features[f"res{index}"] = stage(
                features[f"res{index - 1}"], training=training
            )
        return features


def with_stages(specs: Mapping[str, FeatureSpec]) -> dict[str, FeatureSpec]:
    """Returns the features `res<n>`, and a `stage<n>` like each of them."""
    return {
        name: spec
        for res, spec in specs.items()
        for name, spec in ((res.replace("res", "stage"), spec), (res, spec))
    }


def _blocks(options: Any, activation: str) -> BlockConfig:
    return BlockConfig(
        squeeze_excite=options.use_squeeze_and_excite,
        sac_beyond_stride=options.use_sac_beyond_stride,
        drop_path_keep_prob=options.drop_path_keep_prob,
        drop_path_schedule="linear",
        recompute=options.recompute,
        activation=activation,
    )


@BACKBONES.register("kmax_resnet50")
def build_kmax_resnet50(options: ModelOptions, norm: NormConfig) -> ResidualBackbone:
    """Builds ResNet-50."""
    backbone = options.backbone
    return ResidualPixelEncoder(
        resnet_stem(backbone.stem_width_multiplier, norm),
        round(64 * backbone.stem_width_multiplier),
        resnet_stages(
            scaled_blocks(RESNET50, backbone.backbone_layer_multiplier),
            backbone.backbone_width_multiplier,
        ),
        name="kmax_resnet50",
        output_stride=backbone.output_stride,
        blocks=_blocks(backbone, "relu"),
        norm=norm,
    )


@BACKBONES.register("kmax_convnext_tiny")
def build_kmax_convnext_tiny(options: ModelOptions, norm: NormConfig) -> ConvNeXt:
    """Builds ConvNeXt-T; it has no batch normalisation."""
    return build_convnext("kmax_convnext_tiny", TINY, options)


@BACKBONES.register("kmax_convnext_small")
def build_kmax_convnext_small(options: ModelOptions, norm: NormConfig) -> ConvNeXt:
    """Builds ConvNeXt-S; it has no batch normalisation."""
    return build_convnext("kmax_convnext_small", SMALL, options)


@BACKBONES.register("kmax_convnext_base")
def build_kmax_convnext_base(options: ModelOptions, norm: NormConfig) -> ConvNeXt:
    """Builds ConvNeXt-B; it has no batch normalisation."""
    return build_convnext("kmax_convnext_base", BASE, options)


@BACKBONES.register("kmax_convnext_large")
def build_kmax_convnext_large(options: ModelOptions, norm: NormConfig) -> ConvNeXt:
    """Builds ConvNeXt-L; it has no batch normalisation."""
    return build_convnext("kmax_convnext_large", LARGE, options)
