"""Convolutions that a norm can be folded into, at any atrous rate.

If a norm multiplies each output channel by a constant, as batch normalisation does at
inference, the kernel can be multiplied instead. Convolution, norm and activation then
take one pass over the features. Kernels are standardised and scaled in the precision
they are stored in, before they are cast to that of the features.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.layers.weight_standardization import standardized


class FoldableConv2D(tf_keras.layers.Conv2D):
    """Conv2D in the precision of its input, whatever the precision of its weights.

    An atrous convolution runs as one operation, and so does its gradient where
    TensorFlow supports it: on GPUs, under XLA and on most CPUs. Elsewhere the gradient
    runs on several shifted copies of the input, as both always do in Keras.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        weight_standardization: bool = False,
        **kwargs: Any,
    ):
        """Creates the layer.

        Args:
          filters: output channels.
          kernel_size: height and width of the kernel.
          weight_standardization: whether to standardise the kernel.
          **kwargs: other arguments of Conv2D.
        """
        super().__init__(filters, kernel_size, **_uncast(), **kwargs)
        self._weight_standardization = weight_standardization

    def call(self, inputs: tf.Tensor, scale: tf.Tensor | None = None) -> tf.Tensor:
        """Convolves.

        Args:
          inputs: `[b, h, w, c]`.
          scale: `[filters]` float32 factors of the output; None for no scaling.

        Returns:
          `[b, h', w', filters]`, with the dtype of `inputs`.
        """
        outputs = self.convolution_op(inputs, self._scaled(scale, inputs.dtype))
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, inputs.dtype))
        return outputs

    def _scaled(self, scale: tf.Tensor | None, dtype: tf.DType) -> tf.Tensor:
        kernel = self.kernel
        if self._weight_standardization:
            kernel = standardized(kernel, (0, 1, 2))
        if scale is not None:
            kernel = tf.cast(kernel, scale.dtype) * scale
        return tf.cast(kernel, dtype)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the convolution, before the bias."""
        if max(self.strides) > 1:
            return super().convolution_op(inputs, kernel)
        return atrous_convolution(inputs, kernel, self.dilation_rate[0])


class FoldablePointwiseConv1D(tf_keras.layers.Conv1D):
    """Conv1D with kernel size 1, a matrix product, in the precision of its input."""

    def __init__(
        self, filters: int, *, weight_standardization: bool = False, **kwargs: Any
    ):
        """Creates the layer; arguments as in `FoldableConv2D`."""
        super().__init__(filters, 1, **_uncast(), **kwargs)
        self._weight_standardization = weight_standardization

    def call(self, inputs: tf.Tensor, scale: tf.Tensor | None = None) -> tf.Tensor:
        """Projects `[b, length, c]`; arguments as in `FoldableConv2D.call`."""
        kernel = self.kernel[0]
        if self._weight_standardization:
            kernel = standardized(kernel, (0,))
        if scale is not None:
            kernel = tf.cast(kernel, scale.dtype) * scale
        outputs = tf.matmul(inputs, tf.cast(kernel, inputs.dtype))
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, tf.cast(self.bias, inputs.dtype))
        return outputs


class FoldableDepthwiseConv2D(tf_keras.layers.DepthwiseConv2D):
    """DepthwiseConv2D in the precision of its input, whatever that of the weights."""

    def __init__(
        self, kernel_size: int, *, weight_standardization: bool = False, **kwargs: Any
    ):
        """Creates the layer; arguments as in `FoldableConv2D`."""
        super().__init__(kernel_size, use_bias=False, **_uncast(), **kwargs)
        self._weight_standardization = weight_standardization

    def call(self, inputs: tf.Tensor, scale: tf.Tensor | None = None) -> tf.Tensor:
        """Convolves each channel; arguments as in `FoldableConv2D.call`."""
        kernel = self.depthwise_kernel
        if self._weight_standardization:
            kernel = standardized(kernel, (0, 1))
        if scale is not None:
            kernel = tf.cast(kernel, scale.dtype) * scale[:, tf.newaxis]
        return tf.nn.depthwise_conv2d(
            inputs,
            tf.cast(kernel, inputs.dtype),
            strides=(1, *self.strides, 1),
            padding=self.padding.upper(),
            dilations=self.dilation_rate,
        )


def atrous_convolution(inputs: tf.Tensor, kernel: tf.Tensor, rate: int) -> tf.Tensor:
    """Convolves feature maps with stride 1 and "same" padding.

    Args:
      inputs: `[b, h, w, c]`.
      kernel: `[k, k, c, channels]`.
      rate: spacing of the kernel's taps in pixels.

    Returns:
      `[b, h, w, channels]`.
    """
    if rate == 1 or _has_direct_gradient():
        return tf.nn.conv2d(inputs, kernel, 1, "SAME", dilations=rate)
    return _with_shifted_gradient(inputs, kernel, rate)


def _with_shifted_gradient(
    inputs: tf.Tensor, kernel: tf.Tensor, rate: int
) -> tf.Tensor:
    """Convolves in one operation; only the gradient runs on shifted copies."""

    @tf.custom_gradient
    def convolve(inputs: tf.Tensor, kernel: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> Any:
            with tf.GradientTape() as tape:
                tape.watch([inputs, kernel])
                outputs = tf.nn.convolution(
                    inputs, kernel, padding="SAME", dilations=rate
                )
            return tape.gradient([outputs], [inputs, kernel], [upstream])

        return tf.nn.conv2d(inputs, kernel, 1, "SAME", dilations=rate), gradient

    return convolve(inputs, kernel)


def _uncast() -> dict[str, Any]:
    """Returns the arguments of a layer that does not cast its stored weights."""
    stored = tf_keras.mixed_precision.global_policy().variable_dtype
    return {"dtype": stored, "autocast": False}


@functools.cache
def _has_direct_gradient() -> bool:
    with tf.init_scope():
        try:
            tf.nn.conv2d_transpose(
                tf.zeros([1, 5, 5, 1]),
                tf.zeros([3, 3, 1, 1]),
                output_shape=tf.constant([1, 5, 5, 1]),
                strides=1,
                dilations=2,
            )
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
            return False
    return True
