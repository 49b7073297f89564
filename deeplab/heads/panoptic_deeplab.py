"""Panoptic-DeepLab: semantic classes, instance centres and offsets to the centres.

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
from deeplab.core.structures import CenterOffsetOutput, Outputs, SemanticOutput
from deeplab.heads import ARCHITECTURES
from deeplab.heads.architecture import (
    Architecture,
    DefaultTerm,
    Evaluation,
    LastLayers,
    Learning,
    Selection,
)
from deeplab.heads.base import Head, check_classes, check_features
from deeplab.heads.branch import (
    BranchConfig,
    DecoderBranch,
    PredictionHead,
    branch_config,
    prediction_head,
)
from deeplab.heads.semantic import (
    SEMANTIC_EVALUATION,
    SEMANTIC_LAST_LAYERS,
    SEMANTIC_LEARNING,
    WITHOUT_INSTANCES,
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
    """The semantic half of Panoptic-DeepLab, which can also be used alone."""

    def __init__(self, decoder: DecoderBranch, head: PredictionHead):
        super().__init__(name="panoptic_deeplab")
        self._semantic_decoder = decoder
        self._semantic_head = head

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Returns logits at the stride of the finest feature; see `Head.call`."""
        x = self._semantic_decoder(features, pool_size=pool_size, training=training)
        return Outputs(SemanticOutput(self._semantic_head(x, training=training)))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return {
            "semantic_decoder": self._semantic_decoder,
            **head_items("semantic", self._semantic_head, last="semantic_last_layer"),
        }


class PanopticDeepLab(SemanticBranch):
    """Both halves: semantic classes, and instances as centres and offsets."""

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
    ) -> Outputs:
        """Returns the outputs at the stride of the finest features."""
        output = self.center_offset_output(
            features, pool_size=pool_size, training=training
        )
        return Outputs(output)

    def center_offset_output(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> CenterOffsetOutput:
        """Returns the predictions of both halves; for arguments, see `Head.call`."""
        semantic = super().call(features, pool_size=pool_size, training=training)
        x = self._instance_decoder(features, pool_size=pool_size, training=training)
        return CenterOffsetOutput(
            semantic.main.semantic_logits, *self._centers(x, training)
        )

    def _centers(
        self, features: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns heatmap and offsets, given the output of the instance decoder."""
        heatmap = self._instance_center_head(features, training=training)
        offsets = self._instance_regression_head(features, training=training)
        return tf.squeeze(heatmap, axis=-1), offsets

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
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
      name: name of what the head predicts.
      head: the head.
      last: name of its last layer, if it is not the usual one.
    """
    return {
        f"{name}_head_without_last_layer": head.conv_block,
        last or f"{name}_head_last_layer": head.final_conv,
    }


def build_panoptic_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> Head:
    """Builds the head from the `decoder` and `panoptic_deeplab` options.

    The instance half uses the options of the semantic half where it does not override
    them.
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
      options: the model options.
      architecture: name of the field with the architecture's options, which have
        `low_level` and `semantic_head`.
      feature_specs: the features that the backbone provides.
      norm: kind and options of the norms.
      info: description of the data set.

    Raises:
      ValueError: the options do not fit the backbone or the data set.
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
      options: the model options.
      architecture: name of the field with the architecture's options, which have
        `instance`.
      feature_specs: the features that the backbone provides.

    Raises:
      ValueError: the backbone does not have the features that the options name.
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
    """Returns the instance half; arguments and errors are as in `instance_config`."""
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
    """Checks that the instance branch of an architecture is enabled.

    Raises:
      ValueError: the instance branch is disabled.
    """
    if not getattr(options, architecture).instance.enable:
        raise ValueError(
            f"{architecture}.instance.enable is false, but this architecture tracks "
            "instances; use panoptic_deeplab to predict only classes"
        )


# Terms of all architectures that predict instance centres, with published weights.
CENTER_TERMS = {
    "semantic_loss": DefaultTerm("softmax_cross_entropy"),
    "center_loss": DefaultTerm("mse", 200.0),
    "regression_loss": DefaultTerm("l1", 0.01),
}
CENTER_LAST_LAYERS = LastLayers(
    semantic=("semantic_last_layer",),
    instance=(
        "instance_center_head_last_layer",
        "instance_regression_head_last_layer",
    ),
)
_TINY = """
    decoder {
      feature_key: "res5" decoder_channels: 8 aspp_channels: 8
      atrous_rates: [1, 2, 3]
    }
    panoptic_deeplab {
      low_level { feature_key: "res3" channels_project: 4 }
"""


def _num_classes(options: ModelOptions) -> int:
    return options.panoptic_deeplab.semantic_head.output_channels


ARCHITECTURES.register("panoptic_deeplab")(
    Architecture(
        selection=Selection(
            message="panoptic_deeplab",
            num_classes=_num_classes,
            applies=lambda options: options.panoptic_deeplab.instance.enable,
        ),
        build_head=build_panoptic_deeplab,
        learning=Learning(targets=("semantic", "centers"), terms=CENTER_TERMS),
        evaluation=Evaluation(
            postprocessor="center_offset",
            metrics=("panoptic_quality", "mean_iou", "instance_ap"),
            main_metric="panoptic_quality/all/pq",
        ),
        last_layers=CENTER_LAST_LAYERS,
        tiny_configs=(
            f"""
            {_TINY}
              low_level {{ feature_key: "res2" channels_project: 4 }}
              semantic_head {{ output_channels: 5 head_channels: 8 }}
              instance {{
                center_head {{ output_channels: 1 head_channels: 4 }}
                regression_head {{ output_channels: 2 head_channels: 4 }}
              }}
            }}
            """,
        ),
    )
)

ARCHITECTURES.register("panoptic_deeplab_semantic")(
    Architecture(
        selection=Selection(
            message="panoptic_deeplab",
            num_classes=_num_classes,
            applies=lambda options: not options.panoptic_deeplab.instance.enable,
            without_effect=(
                *WITHOUT_INSTANCES,
                "model_options.panoptic_deeplab.instance",
            ),
        ),
        build_head=build_panoptic_deeplab,
        learning=SEMANTIC_LEARNING,
        evaluation=SEMANTIC_EVALUATION,
        last_layers=SEMANTIC_LAST_LAYERS,
        tiny_configs=(
            f"""
            {_TINY}
              semantic_head {{
                output_channels: 5 head_channels: 8 head_conv_type: "standard_conv"
              }}
              instance {{ enable: false }}
            }}
            """,
        ),
    )
)
