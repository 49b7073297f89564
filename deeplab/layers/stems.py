"""Stems: the first convolutions, from the image to features of stride 2.

The three 3x3 convolutions come from Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning, Christian Szegedy, Sergey Ioffe, Vincent Vanhoucke,
Alex Alemi, AAAI 2017, https://arxiv.org/abs/1602.07261. Stems have no pooling; the
first block after the stem has the stride instead. Stems return features before
activation.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.convolution import Conv2DSame


def resnet_stem(width_multiplier: float, norm: NormConfig) -> Conv2DSame:
    """Returns the 7x7 stem of ResNet, with 64 channels at multiplier 1."""
    return Conv2DSame(
        round(64 * width_multiplier), 7, name="stem", strides=2, norm=norm
    )


def wide_stem(width_multiplier: float, norm: NormConfig) -> Conv2DSame:
    """Returns the 3x3 stem of wide ResNets, with 64 channels at multiplier 1."""
    return Conv2DSame(
        round(64 * width_multiplier), 3, name="stem", strides=2, norm=norm
    )


class InceptionStem(tf_keras.layers.Layer):
    """Three 3x3 convolutions with 64, 64 and 128 channels at multiplier 1."""

    def __init__(
        self, width_multiplier: float, norm: NormConfig, activation: str = "relu"
    ):
        super().__init__(name="stem")
        narrow = int(64 * width_multiplier)
        self.channels = int(128 * width_multiplier)
        self._conv1_bn_act = Conv2DSame(
            narrow, 3, name="conv1_bn_act", strides=2, norm=norm, activation=activation
        )
        self._conv2_bn_act = Conv2DSame(
            narrow, 3, name="conv2_bn_act", norm=norm, activation=activation
        )
        self._conv3_bn = Conv2DSame(self.channels, 3, name="conv3_bn", norm=norm)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, ceil(h / 2), ceil(w / 2), channels]`."""
        x = self._conv1_bn_act(inputs, training=training)
        x = self._conv2_bn_act(x, training=training)
        return self._conv3_bn(x, training=training)
