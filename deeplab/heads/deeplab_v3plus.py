"""DeepLabv3+: ASPP, fused with a low-level feature.

Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation,
Liang-Chieh Chen, Yukun Zhu, George Papandreou, Florian Schroff, Hartwig Adam, ECCV
2018, https://arxiv.org/abs/1802.02611.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import Outputs, SemanticOutput
from deeplab.heads import ARCHITECTURES
from deeplab.heads.architecture import Architecture, Selection
from deeplab.heads.base import Head, check_classes, check_features
from deeplab.heads.branch import BranchConfig, branch_config
from deeplab.heads.pixel_classifier import PixelClassifier
from deeplab.heads.semantic import (
    SEMANTIC_EVALUATION,
    SEMANTIC_LAST_LAYERS,
    SEMANTIC_LEARNING,
    WITHOUT_INSTANCES,
)
from deeplab.layers.aspp import ASPP, PoolSize
from deeplab.layers.convolution import Conv2DSame, StackedConv2DSame
from deeplab.ops.resize import resize_bilinear, spatial_size
from deeplab.protos.model_pb2 import ModelOptions


class DeepLabV3Plus(Head):
    """ASPP, two 3x3 convolutions that fuse a low-level feature, and a classifier."""

    def __init__(self, config: BranchConfig, *, num_classes: int, norm: NormConfig):
        """Makes the layers.

        Args:
          config: sizes, with exactly one low-level feature. Its convolution type is
            that of the two fusing convolutions.
          num_classes: channels of the output.
          norm: kind and options of the norms.
        """
        super().__init__(name="deeplab_v3_plus")
        (self._low_level,) = config.low_levels
        self._feature = config.feature
        self._aspp = ASPP(
            config.aspp_channels,
            config.atrous_rates,
            norm=norm,
            only_projection=config.only_projection,
        )
        self._project_conv_bn_act = Conv2DSame(
            self._low_level.channels,
            1,
            name="project_conv_bn_act",
            norm=norm,
            activation="relu",
        )
        self._fuse = StackedConv2DSame(
            2, config.conv_type, config.decoder_channels, 3, name="fuse", norm=norm
        )
        self._final_conv = PixelClassifier(num_classes, name="final_conv")

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Returns logits at the stride of the low-level feature; see `Head.call`."""
        x = self._aspp(features[self._feature], pool_size=pool_size, training=training)
        low = features[self._low_level.feature]
        low = self._project_conv_bn_act(low, training=training)
        x = tf.concat([resize_bilinear(x, spatial_size(low)), low], axis=-1)
        logits = self._final_conv(self._fuse(x, training=training))
        return Outputs(SemanticOutput(logits))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return {
            "deeplab_v3plus_aspp": self._aspp,
            "deeplab_v3plus_project_conv_bn_act": self._project_conv_bn_act,
            "deeplab_v3plus_fuse": self._fuse,
            "semantic_last_layer": self._final_conv,
        }


def build_deeplab_v3_plus(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> DeepLabV3Plus:
    """Builds the head from the `decoder` and `deeplab_v3_plus` options."""
    head = options.deeplab_v3_plus
    config = branch_config(options.decoder, [head.low_level])
    check_features(config.features, feature_specs)
    check_classes("deeplab_v3_plus.num_classes", head.num_classes, info.num_classes)
    return DeepLabV3Plus(config, num_classes=info.num_classes, norm=norm)


ARCHITECTURES.register("deeplab_v3_plus")(
    Architecture(
        selection=Selection(
            message="deeplab_v3_plus",
            num_classes=lambda options: options.deeplab_v3_plus.num_classes,
            without_effect=WITHOUT_INSTANCES,
        ),
        build_head=build_deeplab_v3_plus,
        learning=SEMANTIC_LEARNING,
        evaluation=SEMANTIC_EVALUATION,
        last_layers=SEMANTIC_LAST_LAYERS,
        tiny_configs=(
            """
            decoder {
              feature_key: "res5" decoder_channels: 8 aspp_channels: 8
              atrous_rates: [1, 2, 3]
            }
            deeplab_v3_plus { num_classes: 5
      low_level { feature_key: "res2" channels_project: 4 } }
            """,
        ),
    )
)
