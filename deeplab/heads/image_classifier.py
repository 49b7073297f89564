"""The head of a classifier: global average pooling, layer normalisation, and logits.

It is the head that MOAT is pretrained with (Chenglin Yang et al., ICLR 2023,
https://arxiv.org/abs/2210.01820); ConvNeXt has the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import ClassOutput, Outputs
from deeplab.heads import ARCHITECTURES
from deeplab.heads.architecture import (
    Architecture,
    DefaultTerm,
    Evaluation,
    LastLayers,
    Learning,
    Selection,
)
from deeplab.heads.base import Head, check_classes
from deeplab.layers.aspp import PoolSize
from deeplab.protos.model_pb2 import ModelOptions


class ImageClassifier(Head):
    """Class logits from the normalised spatial mean of a feature."""

    def __init__(self, num_classes: int, *, feature: str, epsilon: float = 1e-5):
        """Makes the layers.

        Args:
          num_classes: channels of the logits.
          feature: name of the feature that is averaged.
          epsilon: added to the variance in the normalisation.
        """
        super().__init__(name="image_classifier", dtype="float32")
        self._feature = feature
        self._final_layer_norm = tf_keras.layers.LayerNormalization(
            epsilon=epsilon, name="final_layer_norm"
        )
        self._logits_head = tf_keras.layers.Dense(
            num_classes, kernel_initializer="zeros", name="logits_head", dtype="float32"
        )

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Returns `[b, num_classes]` logits; the other arguments are ignored."""
        del pool_size, training
        mean = tf.reduce_mean(tf.cast(features[self._feature], tf.float32), axis=[1, 2])
        return Outputs(ClassOutput(self._logits_head(self._final_layer_norm(mean))))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return {
            "final_layer_norm": self._final_layer_norm,
            "logits_head": self._logits_head,
        }


def build_image_classifier(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> ImageClassifier:
    """Builds the head from the `classifier` options.

    Raises:
      ValueError: the backbone does not have the feature, or the data set has a
        different number of classes.
    """
    del norm
    feature = options.classifier.feature_key
    if feature not in feature_specs:
        raise ValueError(
            f"classifier.feature_key {feature!r}: the backbone has no such feature; "
            f"choose one of {', '.join(feature_specs)}"
        )
    check_classes(
        "classifier.num_classes", options.classifier.num_classes, info.num_classes
    )
    return ImageClassifier(info.num_classes, feature=feature)


ARCHITECTURES.register("classifier")(
    Architecture(
        selection=Selection(
            message="classifier",
            num_classes=lambda options: options.classifier.num_classes,
        ),
        build_head=build_image_classifier,
        learning=Learning(
            targets=(),
            terms={"class_loss": DefaultTerm("softmax_cross_entropy")},
            image_class=True,
        ),
        evaluation=Evaluation(
            postprocessor="image_class",
            metrics=("top_k_accuracy",),
            main_metric="top_k_accuracy/top_1",
        ),
        last_layers=LastLayers(semantic=("logits_head",)),
        tiny_configs=('classifier { num_classes: 5 feature_key: "res5" }',),
    )
)
