"""Atrous spatial pyramid pooling (ASPP).

Rethinking Atrous Convolution for Semantic Image Segmentation, Liang-Chieh Chen,
George Papandreou, Florian Schroff, Hartwig Adam, https://arxiv.org/abs/1706.05587.
In images larger than the training crop, the global mean becomes a moving average, so
that the network pools over the same area at test time as in training.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.convolution import Conv2DSame
from deeplab.layers.dropout import Dropout
from deeplab.ops.resize import resize_bilinear, spatial_size

PoolSize = tuple[int, int]


class AsppConv(tf_keras.layers.Layer):
    """The 3x3 atrous convolution of one branch."""

    def __init__(
        self,
        channels: int,
        atrous_rate: int,
        *,
        name: str,
        norm: NormConfig,
        activation: str,
    ):
        super().__init__(name=name)
        self._conv_bn_act = Conv2DSame(
            channels,
            3,
            name="conv_bn_act",
            atrous_rate=atrous_rate,
            norm=norm,
            activation=activation,
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, h, w, channels]`."""
        return self._conv_bn_act(inputs, training=training)


class AsppPool(tf_keras.layers.Layer):
    """The pooling branch, which averages over a large window."""

    def __init__(self, channels: int, *, name: str, norm: NormConfig, activation: str):
        super().__init__(name=name)
        self._conv_bn_act = Conv2DSame(
            channels, 1, name="conv_bn_act", norm=norm, activation=activation
        )

    def call(
        self,
        inputs: tf.Tensor,
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns `[b, h, w, channels]`; `pool_size` as in `ASPP`."""
        x = self._conv_bn_act(_moving_mean(inputs, pool_size), training=training)
        return resize_bilinear(x, spatial_size(inputs))


class ASPP(tf_keras.layers.Layer):
    """A 1x1, three atrous and a pooling branch, fused by a 1x1 convolution."""

    def __init__(
        self,
        channels: int,
        atrous_rates: Sequence[int],
        *,
        norm: NormConfig,
        only_projection: bool = False,
        dropout: float = 0.1,
        activation: str = "relu",
        name: str = "aspp",
    ):
        """Creates the branches.

        Args:
          channels: output channels of the layer and of each branch.
          atrous_rates: three rates, in feature pixels.
          norm: kind and options of the norms.
          only_projection: whether to replace the branches by a 1x1 convolution.
          dropout: fraction of the output that is dropped in training.
          activation: name of the activation.
          name: name of the layer.

        Raises:
          ValueError: there are not three rates.
        """
        super().__init__(name=name)
        self._branches: tuple[str, ...] = ()
        self._proj_conv_bn_act = Conv2DSame(
            channels, 1, name="proj_conv_bn_act", norm=norm, activation=activation
        )
        if only_projection:
            return
        if len(atrous_rates) != 3:
            raise ValueError(
                f"decoder.atrous_rates {list(atrous_rates)}: ASPP needs three rates"
            )
        self._conv_bn_act = Conv2DSame(
            channels, 1, name="conv_bn_act", norm=norm, activation=activation
        )
        self._branches = ("_conv_bn_act", "_aspp_conv1", "_aspp_conv2", "_aspp_conv3")
        for attribute, rate in zip(self._branches[1:], atrous_rates, strict=True):
            layer = AsppConv(
                channels, rate, name=attribute[1:], norm=norm, activation=activation
            )
            setattr(self, attribute, layer)
        self._aspp_pool = AsppPool(
            channels, name="aspp_pool", norm=norm, activation=activation
        )
        self._proj_drop = Dropout(dropout)

    def call(
        self,
        inputs: tf.Tensor,
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Applies the branches.

        Args:
          inputs: `[b, h, w, c]` features.
          pool_size: (height, width) of the pooling window in feature pixels, clipped to
            the size of the features; None pools over the whole image.
          training: whether to use batch statistics and dropout.

        Returns:
          `[b, h, w, channels]`.
        """
        if not self._branches:
            return self._proj_conv_bn_act(inputs, training=training)
        results = [
            getattr(self, attribute)(inputs, training=training)
            for attribute in self._branches
        ]
        results.append(self._aspp_pool(inputs, pool_size=pool_size, training=training))
        x = self._proj_conv_bn_act(tf.concat(results, axis=-1), training=training)
        return self._proj_drop(x, training=training)


def _moving_mean(x: tf.Tensor, window: PoolSize | None) -> tf.Tensor:
    """Averages over a window at all positions where it is inside the features."""
    if window is None:
        return tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    for axis, length in zip((1, 2), window, strict=True):
        x = _moving_mean_along(x, axis, length)
    return x


def _moving_mean_along(x: tf.Tensor, axis: int, length: int) -> tf.Tensor:
    size = spatial_size(x)[axis - 1]
    if isinstance(size, int) and size <= length:
        return tf.reduce_mean(x, axis=axis, keepdims=True)
    window = [length if a == axis else 1 for a in range(4)]
    if isinstance(size, int):
        return tf.nn.avg_pool2d(x, window, 1, "VALID")
    # The features may be shorter than the window: pad, and rescale by the real part.
    missing = tf.maximum(length - size, 0)
    paddings = [[0, missing if a == axis else 0] for a in range(4)]
    total = tf.nn.avg_pool2d(tf.pad(x, paddings), window, 1, "VALID")
    share = tf.cast(tf.minimum(size, length), tf.float32) / length
    return total / tf.cast(share, x.dtype)
