"""The linear classifier at the end of DeepLabv3 and DeepLabv3+."""

from __future__ import annotations

import tensorflow as tf
import tf_keras


class PixelClassifier(tf_keras.layers.Layer):
    """A 1x1 convolution that computes one logit per class, in float32."""

    def __init__(self, num_classes: int, *, name: str):
        super().__init__(name=name)
        self._conv = tf_keras.layers.Conv2D(
            num_classes, 1, kernel_initializer="he_normal", name="conv", dtype="float32"
        )

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns `[b, h, w, num_classes]` float32."""
        return self._conv(features)
