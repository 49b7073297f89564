"""Depthwise convolution with a bias, whose weights are stored as a grouped convolution.

A grouped convolution with one channel per group is a depthwise convolution. It runs as
such, because not every device supports grouped convolutions.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras


class ChannelwiseConv2D(tf_keras.layers.Conv2D):
    """Depthwise convolution with stride 1 and "same" padding.

    The kernel is `[k, k, 1, channels]`, and the bias is `[channels]`.
    """

    bias: tf.Variable

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        name: str,
        atrous_rate: int = 1,
        kernel_initializer: Any = "glorot_uniform",
    ):
        """Creates the layer.

        Args:
          channels: input and output channels.
          kernel_size: height and width of the kernel.
          name: name of the layer.
          atrous_rate: spacing of the kernel's taps in pixels.
          kernel_initializer: initialiser of the kernel.
        """
        super().__init__(
            channels,
            kernel_size,
            padding="same",
            groups=channels,
            dilation_rate=atrous_rate,
            kernel_initializer=kernel_initializer,
            name=name,
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[b, h, w, channels]`."""
        kernel = tf.reshape(self.kernel, [*self.kernel.shape[:2], self.filters, 1])
        outputs = tf.nn.depthwise_conv2d(
            inputs, kernel, (1, 1, 1, 1), "SAME", dilations=self.dilation_rate
        )
        return tf.nn.bias_add(outputs, self.bias)
