"""Squeeze-and-excite: channels weighted by the features of the whole image.

Squeeze-and-Excitation Networks, Jie Hu, Li Shen, Samuel Albanie, Gang Sun, Enhua
Wu, CVPR 2018, https://arxiv.org/abs/1709.01507. The simplified form has a single
projection, as in CenterMask: Real-Time Anchor-Free Instance Segmentation, Youngwan
Lee and Jongyoul Park, CVPR 2020, https://arxiv.org/abs/1911.06667.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.layers.activations import get_activation, hard_sigmoid


class SqueezeExcite(tf_keras.layers.Layer):
    """Two projections with a bottleneck and a sigmoid gate."""

    def __init__(
        self,
        channels: int,
        bottleneck_channels: int,
        *,
        name: str,
        activation: str = "relu",
        kernel_initializer: Any = "he_normal",
    ):
        """Creates the projections.

        Args:
          channels: input and output channels.
          bottleneck_channels: channels between the projections.
          name: name of the layer.
          activation: name of the activation between the projections.
          kernel_initializer: initialiser of the projections.
        """
        super().__init__(name=name)
        self._activation = get_activation(activation)
        self._se_reduce = tf_keras.layers.Conv2D(
            bottleneck_channels, 1, kernel_initializer=kernel_initializer, name="reduce"
        )
        self._se_expand = tf_keras.layers.Conv2D(
            channels, 1, kernel_initializer=kernel_initializer, name="expand"
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[b, h, w, c]` of the shape of `inputs`."""
        x = tf.reduce_mean(inputs, axis=[1, 2], keepdims=True)
        x = self._activation(self._se_reduce(x))
        return inputs * tf.nn.sigmoid(self._se_expand(x))


class SimplifiedSqueezeExcite(tf_keras.layers.Layer):
    """One projection without a bottleneck, with a hard sigmoid gate."""

    def __init__(self, channels: int, *, name: str = "squeeze_and_excite"):
        super().__init__(name=name)
        self._se_conv = tf_keras.layers.Conv2D(
            channels, 1, kernel_initializer="variance_scaling", name="se_conv"
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[b, h, w, c]` of the shape of `inputs`."""
        mean = tf.reduce_mean(inputs, axis=[1, 2], keepdims=True)
        return inputs * hard_sigmoid(self._se_conv(mean))
