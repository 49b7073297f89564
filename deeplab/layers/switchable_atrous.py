"""Switchable atrous convolution (SAC) and its global context.

DetectoRS: Detecting Objects with Recursive Feature Pyramid and Switchable Atrous
Convolution, Siyuan Qiao, Liang-Chieh Chen, Alan Yuille, CVPR 2021,
https://arxiv.org/abs/2006.02334. As in the published DeepLab models, both rates use the
same kernel, without a learned difference, and the kernel is standardised only if the
config sets weight standardisation.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.layers.folding import FoldableConv2D, atrous_convolution


class GlobalContext(tf_keras.layers.Layer):
    """Adds a learned projection of the global mean to every pixel."""

    def build(self, input_shape: Any) -> None:
        """Creates the projection, initialised with zeros."""
        self.convolution = tf_keras.layers.Conv2D(
            input_shape[-1], 1, kernel_initializer="zeros", name="convolution"
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[b, h, w, c]` of the shape of `inputs`."""
        mean = tf.reduce_mean(inputs, axis=[1, 2], keepdims=True)
        return inputs + self.convolution(mean)


class SwitchableAtrousConv2D(FoldableConv2D):
    """A convolution at two atrous rates, blended per pixel by a learned switch.

    The second rate is three times the first. The layer takes the arguments of
    `FoldableConv2D`, with stride 1 and "same" padding.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any):
        super().__init__(filters, kernel_size, **kwargs)
        self._switch = tf_keras.layers.Conv2D(
            1, 1, kernel_initializer="zeros", name="switch"
        )

    def call(self, inputs: tf.Tensor, scale: tf.Tensor | None = None) -> tf.Tensor:
        """Returns `[b, h, w, filters]`; arguments as in `FoldableConv2D.call`."""
        switch = self._switch(tf.nn.avg_pool2d(inputs, 5, 1, "SAME"))
        rate = self.dilation_rate[0]
        kernel = self._scaled(scale, inputs.dtype)
        near = atrous_convolution(inputs, kernel, rate)
        far = atrous_convolution(inputs, kernel, 3 * rate)
        outputs = switch * far + (1.0 - switch) * near
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, inputs.dtype))
        return outputs
