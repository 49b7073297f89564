"""Depthwise convolution with a bias, stored as a grouped one.

Grouped convolutions of one channel per group are depthwise convolutions; as such they
run on every device, which grouped ones do not.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras


class ChannelwiseConv2D(tf_keras.layers.Conv2D):
    """Filters each channel on its own, at stride 1 and the size of the input.

    The kernel is `[k, k, 1, channels]`, the bias `[channels]`.
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
        """Makes the layer.

        Args:
          channels: of input and output.
          kernel_size: height and width of the kernel.
          name: name of the layer.
          atrous_rate: distance of the kernel's taps in pixels.
          kernel_initializer: of the kernel.
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
