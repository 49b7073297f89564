"""Sums of feature maps with different strides and channels.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The private attribute names are the keys of published
checkpoints. The published layer decides by the input sizes which inputs to halve; here
this is an argument, so that the layers do not depend on the input size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.convolution import Conv2DSame
from deeplab.ops.resize import resize_bilinear


class ResizedFuse(tf_keras.layers.Layer):
    """Projects and resizes features to a common shape, adds and activates them.

    Features that already have the right number of channels are only resized.
    """

    def __init__(
        self,
        channels: int,
        *,
        name: str,
        norm: NormConfig,
        halved: Sequence[int] = (),
        activation: str = "relu",
    ):
        """Creates the layer.

        Args:
          channels: output channels.
          name: name of the layer.
          norm: kind and options of the norms.
          halved: indices of the inputs with twice the size of the output, whose
            projections have stride 2.
          activation: name of the activation.
        """
        super().__init__(name=name)
        self._channels = channels
        self._norm = norm
        self._halved = tuple(halved)
        self._activation = get_activation(activation)
        self._names: list[str | None] = []

    def build(self, input_shape: Sequence[tf.TensorShape]) -> None:
        """Creates a projection for each input with a different number of channels."""
        for i, shape in enumerate(input_shape):
            if shape[-1] == self._channels:
                self._names.append(None)
                continue
            kind, strides = ("strided", 2) if i in self._halved else ("resized", 1)
            name = f"_{kind}_conv_bn{i + 1}"
            self._names.append(name)
            layer = Conv2DSame(
                self._channels, 1, name=name[1:], strides=strides, norm=self._norm
            )
            setattr(self, name, layer)
        super().build(input_shape)

    def call(
        self, inputs: Sequence[tf.Tensor], size: tuple[Any, Any], training: bool = False
    ) -> tf.Tensor:
        """Fuses features.

        Args:
          inputs: `[b, h, w, c]` features, before activation.
          size: height and width of the output.
          training: whether to normalise by batch statistics.

        Returns:
          `[b, *size, channels]`, activated.
        """
        fused = []
        for name, feature in zip(self._names, inputs, strict=True):
            if name is not None:
                project = getattr(self, name)
                feature = project(self._activation(feature), training=training)
            fused.append(resize_bilinear(feature, size))
        return self._activation(tf.add_n(fused))
