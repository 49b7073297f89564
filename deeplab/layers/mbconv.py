"""MBConv, a pre-norm inverted bottleneck, and the MOAT block, which adds attention.

MOAT: Alternating Mobile Convolution and Attention Brings Strong Vision Models,
Chenglin Yang, Siyuan Qiao, Qihang Yu, Xiaoding Yuan, Yukun Zhu, Alan Yuille, Hartwig
Adam, Liang-Chieh Chen, ICLR 2023, https://arxiv.org/abs/2210.01820. The attribute names
are the keys of published checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.drop_path import drop_path_mask
from deeplab.layers.folding import FoldableConv2D, FoldableDepthwiseConv2D
from deeplab.layers.normalization import normalization
from deeplab.layers.recompute import recompute
from deeplab.layers.relative_attention import NORMAL, RelativeAttention
from deeplab.layers.squeeze_excite import SqueezeExcite

_EXPANSION = 4
_SQUEEZE_RATIO = 0.25
_LAYER_NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class RelativeAttentionConfig:
    """The attention of a block; see `deeplab.layers.relative_attention`.

    Attributes:
      head_channels: channels per head.
      position_embedding_size: side of the map that the table of biases is stored for;
        None means no biases.
      window: height and width of the attention windows; None attends to the whole map.
    """

    head_channels: int = 32
    position_embedding_size: int | None = None
    window: tuple[int, int] | None = None


@dataclass(frozen=True)
class Downsampling:
    """How a block reduces the resolution.

    Attributes:
      strides: stride of the depthwise convolution and the shortcut.
      pool_size: kernel size of the average pooling in a strided shortcut.
    """

    strides: int = 1
    pool_size: int = 3


class MBConvBlock(tf_keras.layers.Layer):
    """A pre-norm inverted bottleneck with squeeze-and-excite and a shortcut."""

    # Number of residual paths, each of which may be dropped.
    _num_paths = 1
    # Whether the depthwise convolution is followed by squeeze-and-excite.
    _squeezes = True

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        name: str,
        norm: NormConfig,
        downsampling: Downsampling = Downsampling(),
        keep_prob: float = 1.0,
        recompute_activations: bool = False,
    ):
        """Creates the layers.

        Args:
          in_channels: channels of the input.
          channels: channels of the output.
          name: name of the layer.
          norm: kind and options of the norms.
          downsampling: stride, and pooling of the shortcut.
          keep_prob: probability of keeping each residual path in training.
          recompute_activations: whether to save memory; see
            `deeplab.layers.recompute`.
        """
        super().__init__(name=name)
        self._strides = downsampling.strides
        self._pool_size = downsampling.pool_size
        self._keep_prob = keep_prob
        self._recompute = recompute_activations
        self._activation = get_activation("gelu")
        inner = _EXPANSION * channels
        self._shortcut_conv = (
            _conv(channels, "shortcut_conv") if in_channels != channels else None
        )
        self._pre_norm = normalization(norm, name="pre_norm")
        standardize = norm.weight_standardization
        self._expand_conv = _conv(
            inner, "expand_conv", use_bias=False, weight_standardization=standardize
        )
        self._expand_norm = normalization(norm, name="expand_norm")
        self._depthwise_conv = FoldableDepthwiseConv2D(
            3,
            strides=downsampling.strides,
            padding="same",
            depthwise_initializer=NORMAL,
            weight_standardization=standardize,
            name="depthwise_conv",
        )
        self._depthwise_norm = normalization(norm, name="depthwise_norm")
        self._se = None
        if self._squeezes:
            self._se = SqueezeExcite(
                inner,
                max(1, int(channels * _SQUEEZE_RATIO)),
                name="se",
                activation="swish",
                kernel_initializer=NORMAL,
            )
        self._shrink_conv = _conv(channels, "shrink_conv")

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, ceil(h / strides), ceil(w / strides), channels]`."""
        dropping = training and self._keep_prob < 1.0
        masks = [
            drop_path_mask(inputs, self._keep_prob) if dropping else None
            for _ in range(self._num_paths)
        ]

        def forward(inputs: tf.Tensor) -> tf.Tensor:
            return self._forward(inputs, masks, training)

        return (recompute(forward) if self._recompute and training else forward)(inputs)

    def _forward(
        self, inputs: tf.Tensor, masks: Sequence[tf.Tensor | None], training: bool
    ) -> tf.Tensor:
        x = self._pre_norm(inputs, training=training)
        x = self._expand_norm(self._expand_conv(x), training=training)
        x = self._depthwise_conv(self._activation(x))
        x = self._activation(self._depthwise_norm(x, training=training))
        if self._se is not None:
            x = self._se(x)
        return self._shortcut(inputs) + _kept(self._shrink_conv(x), masks[0])

    def _shortcut(self, x: tf.Tensor) -> tf.Tensor:
        if self._strides > 1:
            x = tf.nn.avg_pool2d(x, self._pool_size, self._strides, "SAME")
        return x if self._shortcut_conv is None else self._shortcut_conv(x)


class MoatBlock(MBConvBlock):
    """MBConv without squeeze-and-excite, then attention; each has a shortcut."""

    _num_paths = 2
    _squeezes = False

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        name: str,
        norm: NormConfig,
        attention: RelativeAttentionConfig,
        downsampling: Downsampling = Downsampling(),
        keep_prob: float = 1.0,
        recompute_activations: bool = False,
    ):
        """Creates the layers; arguments as in `MBConvBlock`, and the attention."""
        super().__init__(
            in_channels,
            channels,
            name=name,
            norm=norm,
            downsampling=downsampling,
            keep_prob=keep_prob,
            recompute_activations=recompute_activations,
        )
        self._attention_norm = tf_keras.layers.LayerNormalization(
            epsilon=_LAYER_NORM_EPSILON, name="attention_norm"
        )
        self._attention = RelativeAttention(
            channels,
            name="attention",
            head_channels=attention.head_channels,
            position_embedding_size=attention.position_embedding_size,
            window=attention.window,
        )

    def _forward(
        self, inputs: tf.Tensor, masks: Sequence[tf.Tensor | None], training: bool
    ) -> tf.Tensor:
        x = super()._forward(inputs, masks, training)
        return x + _kept(self._attention(self._attention_norm(x)), masks[1])


def _conv(channels: int, name: str, **options: Any) -> FoldableConv2D:
    return FoldableConv2D(channels, 1, kernel_initializer=NORMAL, name=name, **options)


def _kept(path: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    return path if mask is None else path * mask
