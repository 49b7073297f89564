"""Convolutions with normalisation and activation, and with symmetric padding.

Keras pads an even-sized input of a strided convolution more at the bottom right. Here
both sides get the same padding, so that features are at the centres of their receptive
fields. The private attribute names are the keys of published checkpoints.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.folding import (
    FoldableConv2D,
    FoldableDepthwiseConv2D,
    FoldablePointwiseConv1D,
)
from deeplab.layers.normalization import normalization
from deeplab.layers.switchable_atrous import GlobalContext, SwitchableAtrousConv2D

CONV_TYPES = ("standard_conv", "depthwise_separable_conv")


class Conv2DSame(tf_keras.layers.Layer):
    """Convolution, then norm or bias, then activation."""

    _switchable = False

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        atrous_rate: int = 1,
        norm: NormConfig | None = None,
        gamma_initializer: str = "ones",
        activation: str | None = None,
    ):
        """Creates the layers.

        Args:
          channels: output channels.
          kernel_size: height and width of the kernel.
          name: name of the layer.
          strides: stride of the output.
          atrous_rate: spacing of the kernel's taps in input pixels.
          norm: norm after the convolution; None adds a bias instead.
          gamma_initializer: initial scale of the norm.
          activation: name of the activation, or None.
        """
        super().__init__(name=name)
        self._padding = _padding(kernel_size, strides, atrous_rate)
        self._pre_global_context = (
            GlobalContext(name="pre_global_context") if self._switchable else None
        )
        switched = self._switchable and strides == 1
        self._conv = (SwitchableAtrousConv2D if switched else FoldableConv2D)(
            channels,
            kernel_size,
            strides=strides,
            padding="valid" if self._padding else "same",
            dilation_rate=atrous_rate,
            use_bias=norm is None,
            kernel_initializer="he_normal",
            weight_standardization=_standardizes(norm),
            name="conv",
        )
        self._post_global_context = (
            GlobalContext(name="post_global_context") if self._switchable else None
        )
        self._batch_norm = norm and normalization(
            norm, gamma_initializer=gamma_initializer
        )
        self._activation = get_activation(activation) if activation else None

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, ceil(h / strides), ceil(w / strides), channels]`."""
        x = inputs
        if self._pre_global_context is not None:
            x = self._pre_global_context(x)
        x = _pad(x, self._padding)
        affine = self._affine(x, training)
        if affine is not None:
            x = _folded(self._conv, affine, x)
        else:
            x = self._conv(x)
            if self._post_global_context is not None:
                x = self._post_global_context(x)
            if self._batch_norm is not None:
                x = self._batch_norm(x, training=training)
        return x if self._activation is None else self._activation(x)

    def _affine(
        self, x: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor] | None:
        # TensorFlow itself fuses a norm in float32, without the cost of scaling the
        # kernel, but not in other precisions.
        if (
            self._batch_norm is None
            or self._post_global_context is not None
            or x.dtype == tf.float32
        ):
            return None
        return self._batch_norm.affine(training)


class SwitchableConv2DSame(Conv2DSame):
    """`Conv2DSame` with a switchable atrous convolution between two global contexts.

    A strided convolution keeps its single rate.
    """

    _switchable = True


class DepthwiseConv2DSame(tf_keras.layers.Layer):
    """Depthwise convolution, then norm, then activation."""

    def __init__(
        self,
        kernel_size: int,
        *,
        name: str,
        norm: NormConfig,
        strides: int = 1,
        atrous_rate: int = 1,
        activation: str | None = None,
    ):
        """Creates the layers; arguments as in `Conv2DSame`."""
        super().__init__(name=name)
        self._padding = _padding(kernel_size, strides, atrous_rate)
        self._depthwise_conv = FoldableDepthwiseConv2D(
            kernel_size,
            strides=strides,
            padding="valid" if self._padding else "same",
            dilation_rate=atrous_rate,
            weight_standardization=norm.weight_standardization,
            name="depthwise_conv",
        )
        self._batch_norm = normalization(norm)
        self._activation = get_activation(activation) if activation else None

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, ceil(h / strides), ceil(w / strides), c]`."""
        x = _pad(inputs, self._padding)
        affine = self._batch_norm.affine(training)
        if affine is None:
            x = self._batch_norm(self._depthwise_conv(x), training=training)
        else:
            x = _folded(self._depthwise_conv, affine, x)
        return x if self._activation is None else self._activation(x)


class SeparableConv2DSame(tf_keras.layers.Layer):
    """A depthwise and a pointwise convolution, each normalised and activated."""

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        name: str,
        norm: NormConfig,
        activation: str | None = None,
    ):
        """Creates the layers; arguments as in `Conv2DSame`."""
        super().__init__(name=name)
        self._depthwise = DepthwiseConv2DSame(
            kernel_size, name="depthwise", norm=norm, activation=activation
        )
        self._pointwise = Conv2DSame(
            channels, 1, name="pointwise", norm=norm, activation=activation
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, h, w, channels]`."""
        return self._pointwise(
            self._depthwise(inputs, training=training), training=training
        )


class Conv1D(tf_keras.layers.Layer):
    """Pointwise convolution, then norm or bias, then activation."""

    def __init__(
        self,
        channels: int,
        *,
        name: str,
        norm: NormConfig | None = None,
        gamma_initializer: str = "ones",
        kernel_initializer: Any = "he_normal",
        activation: str | None = None,
        dtype: str | None = None,
    ):
        """Creates the layers; arguments as in `Conv2DSame`, `dtype` as in Keras."""
        super().__init__(name=name, dtype=dtype)
        self._conv = FoldablePointwiseConv1D(
            channels,
            use_bias=norm is None,
            kernel_initializer=kernel_initializer,
            weight_standardization=_standardizes(norm),
            name="conv",
        )
        self._batch_norm = norm and normalization(
            norm, gamma_initializer=gamma_initializer, dtype=dtype
        )
        self._activation = get_activation(activation) if activation else None

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, length, channels]`."""
        affine = self._batch_norm and self._batch_norm.affine(training)
        if affine is not None:
            x = _folded(self._conv, affine, inputs)
        else:
            x = self._conv(inputs)
            if self._batch_norm is not None:
                x = self._batch_norm(x, training=training)
        return x if self._activation is None else self._activation(x)


class StackedConv2DSame(tf_keras.layers.Layer):
    """A stack of convolutions of one kind, each normalised and activated."""

    def __init__(
        self,
        num_layers: int,
        conv_type: str,
        channels: int,
        kernel_size: int,
        *,
        name: str,
        norm: NormConfig,
        activation: str = "relu",
    ):
        """Creates the layers.

        Args:
          num_layers: number of convolutions.
          conv_type: "standard_conv" or "depthwise_separable_conv".
          channels: output channels of each convolution.
          kernel_size: height and width of the kernels.
          name: name of the layer.
          norm: norm after each convolution.
          activation: name of the activation.

        Raises:
          ValueError: `conv_type` is unknown.
        """
        super().__init__(name=name)
        if conv_type not in CONV_TYPES:
            raise ValueError(
                f"unknown convolution type {conv_type!r}; known: "
                f"{', '.join(CONV_TYPES)}"
            )
        make = Conv2DSame if conv_type == "standard_conv" else SeparableConv2DSame
        self._names = [f"_conv{i + 1}_bn_act" for i in range(num_layers)]
        for attribute in self._names:
            layer = make(
                channels,
                kernel_size,
                name=attribute[1:],
                norm=norm,
                activation=activation,
            )
            setattr(self, attribute, layer)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, h, w, channels]`."""
        x = inputs
        for attribute in self._names:
            x = getattr(self, attribute)(x, training=training)
        return x


def _folded(
    conv: FoldableConv2D | FoldableDepthwiseConv2D | FoldablePointwiseConv1D,
    affine: tuple[tf.Tensor, tf.Tensor],
    x: tf.Tensor,
) -> tf.Tensor:
    scale, shift = affine
    return tf.nn.bias_add(conv(x, scale=scale), tf.cast(shift, x.dtype))


def _standardizes(norm: NormConfig | None) -> bool:
    return norm is not None and norm.weight_standardization


def _padding(kernel_size: int, strides: int, atrous_rate: int) -> int:
    # At stride 1, "same" padding is symmetric already.
    return 0 if strides == 1 else (kernel_size - 1) * atrous_rate // 2


def _pad(x: tf.Tensor, padding: int) -> tf.Tensor:
    if not padding:
        return x
    return tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
