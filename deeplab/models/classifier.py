"""A classifier of images: a backbone, the mean over all pixels, and one layer.

As MOAT is pretrained, Chenglin Yang et al., ICLR 2023,
https://arxiv.org/abs/2210.01820; ConvNeXt ends alike. Dense prediction takes the
backbone of a trained one by `model_options.backbone.pretrained_weights`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone

_FEATURE = "stage5"


class Classifier(tf_keras.Model):
    """A backbone that offers `stage5`, layer normalisation and class logits."""

    def __init__(self, backbone: Backbone, num_classes: int, *, epsilon: float = 1e-5):
        """Puts the parts together.

        Args:
          backbone: from images to features.
          num_classes: channels of the logits.
          epsilon: of the normalisation.

        Raises:
          ValueError: the backbone does not offer features before the activation.
        """
        super().__init__(name="classifier", dtype="float32")
        if _FEATURE not in backbone.feature_specs:
            raise ValueError(
                f"{backbone.name}: a classifier needs {_FEATURE!r}; it offers "
                f"{', '.join(backbone.feature_specs)}"
            )
        self.backbone = backbone
        self._final_layer_norm = tf_keras.layers.LayerNormalization(
            epsilon=epsilon, name="final_layer_norm"
        )
        self._logits_head = tf_keras.layers.Dense(
            num_classes, kernel_initializer="zeros", name="logits_head", dtype="float32"
        )

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns logits `[b, num_classes]` float32 of images, 0 to 255."""
        normalized = tf.cast(images, tf.float32) / 127.5 - 1.0
        features = self.backbone(normalized, training=training)[_FEATURE]
        mean = tf.reduce_mean(tf.cast(features, tf.float32), axis=[1, 2])
        return self._logits_head(self._final_layer_norm(mean))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the model; the backbone is `encoder`."""
        return {
            "encoder": self.backbone,
            "final_layer_norm": self._final_layer_norm,
            "logits_head": self._logits_head,
        }
