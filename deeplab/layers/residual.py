"""Residual blocks: basic, bottleneck and inverted bottleneck.

Deep Residual Learning for Image Recognition, Kaiming He, Xiangyu Zhang, Shaoqing
Ren, Jian Sun, CVPR 2016, https://arxiv.org/abs/1512.03385. MobileNetV2: Inverted
Residuals and Linear Bottlenecks, Mark Sandler, Andrew Howard, Menglong Zhu, Andrey
Zhmoginov, Liang-Chieh Chen, CVPR 2018, https://arxiv.org/abs/1801.04381.

The stride is in the 3x3 convolution. The last norm of each residual path is initialised
with scale 0, which stabilises the first epochs.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.convolution import (
    Conv2DSame,
    DepthwiseConv2DSame,
    SwitchableConv2DSame,
)
from deeplab.layers.drop_path import drop_path_mask
from deeplab.layers.recompute import recompute
from deeplab.layers.squeeze_excite import SimplifiedSqueezeExcite, SqueezeExcite


@dataclass(frozen=True)
class Sampling:
    """Where the 3x3 convolutions of a residual block take their inputs.

    Attributes:
      strides: stride of the first 3x3 convolution.
      atrous_rate: atrous rate of the first 3x3 convolution.
      second_atrous_rate: atrous rate of the second 3x3 convolution of a basic block;
        None takes that of the first.
      switchable: whether the 3x3 convolutions are switchable atrous convolutions.
    """

    strides: int = 1
    atrous_rate: int = 1
    second_atrous_rate: int | None = None
    switchable: bool = False


@dataclass(frozen=True)
class BlockOptions:
    """Options of a residual block with convolutions or attention.

    Attributes:
      squeeze_excite: whether the path ends with a simplified squeeze-and-excite.
      keep_prob: probability of keeping the residual path in training.
      recompute: whether to save memory; see `deeplab.layers.recompute`.
      activation: name of the activation.
    """

    squeeze_excite: bool = False
    keep_prob: float = 1.0
    recompute: bool = False
    activation: str = "relu"


class ResidualBlock(tf_keras.layers.Layer):
    """A basic block (3x3, 3x3) or a bottleneck (1x1, 3x3, 1x1), with a shortcut."""

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, ...],
        *,
        name: str,
        norm: NormConfig,
        sampling: Sampling = Sampling(),
        options: BlockOptions = BlockOptions(),
        attention: tf_keras.layers.Layer | None = None,
    ):
        """Creates the layers.

        Args:
          in_channels: channels of the input.
          channels: output channels of the convolutions: two for a basic block, three
            for a bottleneck.
          name: name of the layer.
          norm: kind and options of the norms.
          sampling: stride and atrous rates of the 3x3 convolutions.
          options: squeeze-and-excite, drop path, recomputation and activation.
          attention: layer that replaces the 3x3 convolution of a bottleneck, including
            its stride.
        """
        super().__init__(name=name)
        self._strides = sampling.strides
        self._keep_prob = options.keep_prob
        self._recompute = options.recompute
        self._activation = get_activation(options.activation)
        conv3x3 = SwitchableConv2DSame if sampling.switchable else Conv2DSame
        first = {"strides": sampling.strides, "atrous_rate": sampling.atrous_rate}
        inner = {"norm": norm, "activation": options.activation}
        last = {"norm": norm, "gamma_initializer": "zeros"}
        self._shortcut = None
        if len(channels) == 3:
            self._conv1_bn_act = Conv2DSame(
                channels[0], 1, name="conv1_bn_act", **inner
            )
            if attention is None:
                self._conv2_bn_act = conv3x3(
                    channels[1], 3, name="conv2_bn_act", **first, **inner
                )
            else:
                self._attention = attention
            middle = "_conv2_bn_act" if attention is None else "_attention"
            self._path = ("_conv1_bn_act", middle, "_conv3_bn")
            self._conv3_bn = Conv2DSame(channels[2], 1, name="conv3_bn", **last)
        else:
            self._path = ("_conv1_bn_act", "_conv2_bn")
            self._conv1_bn_act = conv3x3(
                channels[0], 3, name="conv1_bn_act", **first, **inner
            )
            self._conv2_bn = conv3x3(
                channels[1],
                3,
                name="conv2_bn",
                atrous_rate=sampling.second_atrous_rate or sampling.atrous_rate,
                **last,
            )
        self._squeeze_and_excite = (
            SimplifiedSqueezeExcite(channels[-1]) if options.squeeze_excite else None
        )
        if in_channels != channels[-1]:
            self._shortcut = Conv2DSame(
                channels[-1], 1, name="shortcut", strides=sampling.strides, norm=norm
            )

    def call(
        self, inputs: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Applies the block.

        Args:
          inputs: `[b, h, w, in_channels]`, activated.
          training: whether to use batch statistics and drop path.

        Returns:
          The sum of path and shortcut, `[b, ceil(h / strides), ceil(w / strides),
          channels[-1]]`, before and after activation.
        """
        dropping = training and self._keep_prob < 1.0
        mask = drop_path_mask(inputs, self._keep_prob) if dropping else None

        def forward(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            path = self._run_path(x, training)
            if mask is not None:
                path *= mask
            features = path + self._run_shortcut(x, training)
            return features, self._activation(features)

        return (recompute(forward) if self._recompute and training else forward)(inputs)

    def _run_path(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        for attribute in self._path:
            x = getattr(self, attribute)(x, training=training)
        return x if self._squeeze_and_excite is None else self._squeeze_and_excite(x)

    def _run_shortcut(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        if self._shortcut is not None:
            return self._shortcut(x, training=training)
        return x if self._strides == 1 else x[:, :: self._strides, :: self._strides]


@dataclass(frozen=True)
class BottleneckChannels:
    """Channels along an inverted bottleneck.

    Attributes:
      inputs: channels of the input.
      expanded: channels of the depthwise convolution; there is no expansion if they
        equal `inputs`.
      outputs: channels of the output.
      squeezed: bottleneck channels of the squeeze-and-excite; None leaves it out.
    """

    inputs: int
    expanded: int
    outputs: int
    squeezed: int | None = None


@dataclass(frozen=True)
class SpatialKernel:
    """The kernel of a convolution over pixels.

    Attributes:
      size: height and width.
      strides: stride of the output.
      atrous_rate: spacing of its taps in input pixels.
    """

    size: int
    strides: int = 1
    atrous_rate: int = 1


class InvertedBottleneck(tf_keras.layers.Layer):
    """Expansion (1x1), depthwise convolution, squeeze-and-excite, projection (1x1)."""

    def __init__(
        self,
        channels: BottleneckChannels,
        kernel: SpatialKernel,
        *,
        activation: str,
        residual: bool,
        name: str,
        norm: NormConfig,
        recompute_activations: bool = False,
    ):
        """Creates the layers.

        Args:
          channels: channels of the input, the layers and the output.
          kernel: size, stride and atrous rate of the depthwise convolution.
          activation: name of the activation.
          residual: whether to add the input, which must have the shape of the output.
          name: name of the layer.
          norm: kind and options of the norms.
          recompute_activations: whether to save memory; see
            `deeplab.layers.recompute`.
        """
        super().__init__(name=name)
        self._residual = residual
        self._recompute = recompute_activations
        self._conv1_bn_act = None
        if channels.expanded != channels.inputs:
            self._conv1_bn_act = Conv2DSame(
                channels.expanded,
                1,
                name="expand_conv",
                norm=norm,
                activation=activation,
            )
        self._conv2_bn_act = DepthwiseConv2DSame(
            kernel.size,
            name="depthwise_conv",
            norm=norm,
            strides=kernel.strides,
            atrous_rate=kernel.atrous_rate,
            activation=activation,
        )
        self._squeeze_excitation = None
        if channels.squeezed is not None:
            self._squeeze_excitation = SqueezeExcite(
                channels.expanded, channels.squeezed, name="squeeze_excitation"
            )
        self._conv3_bn = Conv2DSame(channels.outputs, 1, name="project_conv", norm=norm)

    def call(
        self, inputs: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the output, and the depthwise features that decoders use.

        Both are `[b, ceil(h / strides), ceil(w / strides), ...]`.
        """

        def forward(inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            x = inputs
            if self._conv1_bn_act is not None:
                x = self._conv1_bn_act(x, training=training)
            filtered = self._conv2_bn_act(x, training=training)
            x = filtered
            if self._squeeze_excitation is not None:
                x = self._squeeze_excitation(x)
            x = self._conv3_bn(x, training=training)
            return (x + inputs if self._residual else x), filtered

        return (recompute(forward) if self._recompute and training else forward)(inputs)
