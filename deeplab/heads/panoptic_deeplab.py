"""Panoptic-DeepLab: classes, instance centres and offsets to them.

Panoptic-DeepLab: A Simple, Strong, and Fast Baseline for Bottom-Up Panoptic
Segmentation, Bowen Cheng, Maxwell D. Collins, Yukun Zhu, Ting Liu, Thomas S. Huang,
Hartwig Adam, Liang-Chieh Chen, CVPR 2020, https://arxiv.org/abs/1911.10194.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import CenterOffsetOutput, SemanticOutput
from deeplab.heads import HEADS
from deeplab.heads.base import Head, check_classes, check_features
from deeplab.heads.branch import (
    BranchConfig,
    DecoderBranch,
    PredictionHead,
    branch_config,
    prediction_head,
)
from deeplab.layers.aspp import PoolSize
from deeplab.protos.model_pb2 import ModelOptions


class SemanticHalf(NamedTuple):
    """A decoder and the head that predicts classes."""

    decoder: DecoderBranch
    head: PredictionHead


class InstanceHalf(NamedTuple):
    """A decoder and the heads that predict centres and offsets to them."""

    decoder: DecoderBranch
    center_head: PredictionHead
    regression_head: PredictionHead


class SemanticBranch(Head):
    """The semantic half of Panoptic-DeepLab, which stands alone as well."""

    def __init__(self, decoder: DecoderBranch, head: PredictionHead):
        super().__init__(name="panoptic_deeplab")
        self._semantic_decoder = decoder
        self._semantic_head = head

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> SemanticOutput:
        """Returns logits at the stride of the finest feature; see `Head.call`."""
        x = self._semantic_decoder(features, pool_size=pool_size, training=training)
        return SemanticOutput(self._semantic_head(x, training=training))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the head."""
        return {
            "semantic_decoder": self._semantic_decoder,
            **head_items("semantic", self._semantic_head, last="semantic_last_layer"),
        }


class PanopticDeepLab(SemanticBranch):
    """Both halves: semantics, and instances by centres and offsets."""

    def __init__(self, semantic: SemanticHalf, instance: InstanceHalf):
        super().__init__(semantic.decoder, semantic.head)
        self._instance_decoder = instance.decoder
        self._instance_center_head = instance.center_head
        self._instance_regression_head = instance.regression_head

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> CenterOffsetOutput:
        """Returns the outputs at the stride of the finest features."""
        semantic = super().call(features, pool_size=pool_size, training=training)
        x = self._instance_decoder(features, pool_size=pool_size, training=training)
        return CenterOffsetOutput(
            semantic_logits=semantic.semantic_logits,
            center_heatmap=self._instance_center_head(x, training=training),
            offset_map=self._instance_regression_head(x, training=training),
        )

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the head."""
        return {
            **super().checkpoint_items,
            "instance_decoder": self._instance_decoder,
            **head_items("instance_center", self._instance_center_head),
            **head_items("instance_regression", self._instance_regression_head),
        }


def head_items(
    name: str, head: PredictionHead, last: str | None = None
) -> dict[str, Any]:
    """Returns the two checkpoint items of a prediction head.

    Args:
      name: what it predicts.
      head: the head.
      last: name of its last layer, if not the usual one.
    """
    return {
        f"{name}_head_without_last_layer": head.conv_block,
        last or f"{name}_head_last_layer": head.final_conv,
    }


@HEADS.register("panoptic_deeplab")
def build_panoptic_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> Head:
    """Builds the head from `decoder` and `panoptic_deeplab`.

    What the instance half does not override, it takes from the semantic half.
    """
    semantic = semantic_half(options, "panoptic_deeplab", feature_specs, norm, info)
    if not options.panoptic_deeplab.instance.enable:
        return SemanticBranch(*semantic)
    return PanopticDeepLab(
        semantic, instance_half(options, "panoptic_deeplab", feature_specs, norm)
    )


def semantic_half(
    options: ModelOptions,
    architecture: str,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> SemanticHalf:
    """Returns the semantic half of an architecture.

    Args:
      options: its model options.
      architecture: name of the field with its own options, which have `low_level` and
        `semantic_head`.
      feature_specs: what the backbone offers.
      norm: kind and options of the norms.
      info: the classes.

    Raises:
      ValueError: backbone or data set do not offer what the options ask for.
    """
    own = getattr(options, architecture)
    config = branch_config(options.decoder, own.low_level)
    check_features(config.features, feature_specs)
    check_classes(
        f"{architecture}.semantic_head.output_channels",
        own.semantic_head.output_channels,
        info.num_classes,
    )
    return SemanticHalf(
        DecoderBranch(config, name="semantic_decoder", norm=norm),
        prediction_head(
            own.semantic_head, info.num_classes, name="semantic_head", norm=norm
        ),
    )


def instance_config(
    options: ModelOptions, architecture: str, feature_specs: Mapping[str, FeatureSpec]
) -> BranchConfig:
    """Returns the sizes of the instance branches of an architecture.

    Args:
      options: its model options.
      architecture: name of the field with its own options, which have `instance`.
      feature_specs: what the backbone offers.

    Raises:
      ValueError: the backbone does not offer what the options ask for.
    """
    own = getattr(options, architecture)
    instance = own.instance
    overridden = instance.HasField("instance_decoder_override")
    config = branch_config(
        instance.instance_decoder_override if overridden else options.decoder,
        instance.low_level_override or own.low_level,
    )
    check_features(config.features, feature_specs)
    return config


def instance_half(
    options: ModelOptions,
    architecture: str,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
) -> InstanceHalf:
    """Returns the instance half; arguments and errors as in `instance_config`."""
    instance = getattr(options, architecture).instance
    config = instance_config(options, architecture, feature_specs)
    return InstanceHalf(
        DecoderBranch(config, name="instance_decoder", norm=norm),
        prediction_head(
            instance.center_head, 1, name="instance_center_head", norm=norm
        ),
        prediction_head(
            instance.regression_head, 2, name="instance_regression_head", norm=norm
        ),
    )


def check_instance_enabled(options: ModelOptions, architecture: str) -> None:
    """Checks that an architecture which is nothing without instances has them.

    Raises:
      ValueError: its instance branch is off.
    """
    if not getattr(options, architecture).instance.enable:
        raise ValueError(
            f"{architecture}.instance.enable is false, but this architecture tracks "
            "instances; take panoptic_deeplab for classes alone"
        )
