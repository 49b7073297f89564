"""DeepLabv3: ASPP and a classifier.

Rethinking Atrous Convolution for Semantic Image Segmentation, Liang-Chieh Chen,
George Papandreou, Florian Schroff, Hartwig Adam, https://arxiv.org/abs/1706.05587.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import Outputs, SemanticOutput
from deeplab.heads import ARCHITECTURES
from deeplab.heads.architecture import Architecture, Selection
from deeplab.heads.base import Head, check_classes, check_features
from deeplab.heads.pixel_classifier import PixelClassifier
from deeplab.heads.semantic import (
    SEMANTIC_EVALUATION,
    SEMANTIC_LAST_LAYERS,
    SEMANTIC_LEARNING,
    WITHOUT_INSTANCES,
)
from deeplab.layers.aspp import ASPP, PoolSize
from deeplab.layers.convolution import Conv2DSame
from deeplab.protos.model_pb2 import ModelOptions


class DeepLabV3(Head):
    """ASPP, a 3x3 convolution, and a linear classifier."""

    def __init__(
        self,
        *,
        feature: str,
        num_classes: int,
        aspp_channels: int,
        decoder_channels: int,
        atrous_rates: Sequence[int],
        only_projection: bool,
        norm: NormConfig,
    ):
        """Makes the layers.

        Args:
          feature: name of the feature that is the input of ASPP.
          num_classes: channels of the output.
          aspp_channels: output channels of ASPP.
          decoder_channels: output channels of the 3x3 convolution.
          atrous_rates: the three atrous rates of ASPP.
          only_projection: whether a 1x1 convolution replaces ASPP.
          norm: kind and options of the norms.
        """
        super().__init__(name="deeplab_v3")
        self._feature = feature
        self._aspp = ASPP(
            aspp_channels, atrous_rates, norm=norm, only_projection=only_projection
        )
        self._classifier_conv_bn_act = Conv2DSame(
            decoder_channels,
            3,
            name="classifier_conv_bn_act",
            norm=norm,
            activation="relu",
        )
        self._final_conv = PixelClassifier(num_classes, name="final_conv")

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Returns logits at the stride of the feature; see `Head.call`."""
        x = self._aspp(features[self._feature], pool_size=pool_size, training=training)
        x = self._classifier_conv_bn_act(x, training=training)
        return Outputs(SemanticOutput(self._final_conv(x)))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return {
            "deeplab_v3_aspp": self._aspp,
            "classifier_conv_bn_act": self._classifier_conv_bn_act,
            "semantic_last_layer": self._final_conv,
        }


def build_deeplab_v3(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> DeepLabV3:
    """Builds the head from the `decoder` and `deeplab_v3` options."""
    decoder = options.decoder
    check_features([decoder.feature_key], feature_specs)
    check_classes(
        "deeplab_v3.num_classes", options.deeplab_v3.num_classes, info.num_classes
    )
    return DeepLabV3(
        feature=decoder.feature_key,
        num_classes=info.num_classes,
        aspp_channels=decoder.aspp_channels,
        decoder_channels=decoder.decoder_channels,
        atrous_rates=decoder.atrous_rates,
        only_projection=decoder.aspp_use_only_1x1_proj_conv,
        norm=norm,
    )


ARCHITECTURES.register("deeplab_v3")(
    Architecture(
        selection=Selection(
            message="deeplab_v3",
            num_classes=lambda options: options.deeplab_v3.num_classes,
            without_effect=WITHOUT_INSTANCES,
        ),
        build_head=build_deeplab_v3,
        learning=SEMANTIC_LEARNING,
        evaluation=SEMANTIC_EVALUATION,
        last_layers=SEMANTIC_LAST_LAYERS,
        tiny_configs=(
            """
            decoder {
              feature_key: "res5" decoder_channels: 8 aspp_channels: 8
              atrous_rates: [1, 2, 3]
            }
            deeplab_v3 { num_classes: 5 }
            """,
        ),
    )
)
