"""The ConvNeXt block, and the downsampling layer between its stages.

A ConvNet for the 2020s, Zhuang Liu, Hanzi Mao, Chao-Yuan Wu, Christoph Feichtenhofer,
Trevor Darrell, Saining Xie, CVPR 2022, https://arxiv.org/abs/2201.03545.

The attribute names are the keys of published checkpoints.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.layers.activations import get_activation
from deeplab.layers.depthwise import ChannelwiseConv2D
from deeplab.layers.drop_path import drop_path_mask
from deeplab.layers.layer_scale import add_layer_scale
from deeplab.layers.recompute import recompute

_EPSILON = 1e-6
_KERNEL_SIZE = 7
_EXPANSION = 4


class ConvNeXtBlock(tf_keras.layers.Layer):
    """A 7x7 depthwise convolution and an inverted bottleneck, with a shortcut."""

    def __init__(
        self,
        channels: int,
        *,
        name: str,
        atrous_rate: int = 1,
        keep_prob: float = 1.0,
        recompute_activations: bool = False,
    ):
        """Creates the layers.

        Args:
          channels: input and output channels.
          name: name of the layer.
          atrous_rate: atrous rate of the depthwise convolution.
          keep_prob: probability of keeping the residual path in training.
          recompute_activations: whether to save memory; see
            `deeplab.layers.recompute`.
        """
        super().__init__(name=name)
        self._keep_prob = keep_prob
        self._recompute = recompute_activations
        self._activation = get_activation("gelu")
        self.depthwise_conv = ChannelwiseConv2D(
            channels,
            _KERNEL_SIZE,
            atrous_rate=atrous_rate,
            kernel_initializer=_initializer(),
            name="depthwise_conv",
        )
        self.norm = tf_keras.layers.LayerNormalization(epsilon=_EPSILON, name="norm")
        self.pointwise_conv1 = tf_keras.layers.Dense(
            _EXPANSION * channels,
            kernel_initializer=_initializer(),
            name="pointwise_conv1",
        )
        self.pointwise_conv2 = tf_keras.layers.Dense(
            channels, kernel_initializer=_initializer(), name="pointwise_conv2"
        )

    def build(self, input_shape: Any) -> None:
        """Creates the scales of the residual path."""
        self.layer_scale = add_layer_scale(self, input_shape[-1])
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, h, w, channels]`, before activation."""
        dropping = training and self._keep_prob < 1.0
        mask = drop_path_mask(inputs, self._keep_prob) if dropping else None

        def forward(inputs: tf.Tensor) -> tf.Tensor:
            x = self.depthwise_conv(inputs)
            # As matrices, product, bias and activation are fused into one kernel.
            rows = self.norm(tf.reshape(x, [-1, x.shape[-1]]))
            rows = self.pointwise_conv2(self._activation(self.pointwise_conv1(rows)))
            path = self.layer_scale * tf.reshape(rows, tf.shape(inputs))
            return inputs + (path if mask is None else path * mask)

        return (recompute(forward) if self._recompute and training else forward)(inputs)


class Patches(tf_keras.layers.Layer):
    """A convolution of non-overlapping patches, preceded or followed by a norm.

    Sides that are not a multiple of the patch size are padded, so that incomplete
    patches have an output too. Outputs are at the same positions as in other backbones.
    """

    def __init__(
        self,
        channels: int,
        patch_size: int,
        *,
        name: str,
        padding: tuple[int, int],
        normalize_first: bool,
        strides: int | None = None,
        atrous_rate: int = 1,
    ):
        """Creates the layers.

        Args:
          channels: output channels.
          patch_size: height and width of the kernel.
          name: name of the layer.
          padding: number of zeros before and after the pixels, along both axes.
          normalize_first: whether the norm comes before the convolution and includes
            the padding, instead of after it.
          strides: stride of the output; None takes the patch size.
          atrous_rate: atrous rate of the convolution.
        """
        super().__init__(name=name)
        self._padding = padding
        conv = tf_keras.layers.Conv2D(
            channels,
            patch_size,
            strides=strides or patch_size,
            dilation_rate=atrous_rate,
            kernel_initializer=_initializer(),
            name="conv",
        )
        norm = tf_keras.layers.LayerNormalization(epsilon=_EPSILON, name="norm")
        self._row = [f"layer_with_weights-{index}" for index in range(2)]
        layers = (norm, conv) if normalize_first else (conv, norm)
        for attribute, layer in zip(self._row, layers, strict=True):
            setattr(self, attribute, layer)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[b, ceil(h / strides), ceil(w / strides), channels]`."""
        x = tf.pad(inputs, [[0, 0], self._padding, self._padding, [0, 0]])
        for attribute in self._row:
            x = getattr(self, attribute)(x)
        return x


def _initializer() -> Any:
    return tf_keras.initializers.TruncatedNormal(stddev=0.02)
