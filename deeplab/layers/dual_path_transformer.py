"""The dual-path transformer: a memory that exchanges features with all pixels.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The memory attends to pixels and to itself in one
step, and the pixels attend to the memory. Pixel-to-pixel exchange is left to the
convolutions and axial attention of the backbone. The private attribute names are the
keys of published checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.convolution import Conv1D
from deeplab.layers.drop_path import drop_path_mask
from deeplab.layers.memory_attention import MemoryAttention, split_heads


@dataclass(frozen=True)
class TransformerConfig:
    """Channels of a dual-path transformer.

    Attributes:
      channels: base channels, which the expansions multiply.
      num_heads: number of heads.
      bottleneck_expansion: expansion of the projections before attention.
      key_expansion: expansion of queries and keys.
      value_expansion: expansion of values.
      feed_forward_channels: hidden channels of the memory's feed-forward network.
    """

    channels: int = 128
    num_heads: int = 8
    bottleneck_expansion: int = 2
    key_expansion: int = 1
    value_expansion: int = 2
    feed_forward_channels: int = 2048


class DualPathTransformer(tf_keras.layers.Layer):
    """One exchange of features between memory and pixels."""

    def __init__(
        self,
        pixel_channels: int,
        memory_channels: int,
        config: TransformerConfig,
        *,
        name: str,
        norm: NormConfig,
        keep_prob: float = 1.0,
        activation: str = "relu",
    ):
        """Creates the layers.

        Args:
          pixel_channels: channels of the pixel features.
          memory_channels: channels of the memory.
          config: internal channels.
          name: name of the layer.
          norm: kind and options of the norms.
          keep_prob: probability of keeping each residual path in training.
          activation: name of the activation.
        """
        super().__init__(name=name)
        self._config = config
        self._keep_prob = keep_prob
        self._activation = get_activation(activation)
        bottleneck = config.channels * config.bottleneck_expansion
        self._sizes = [config.channels * config.key_expansion] * 2
        self._sizes.append(config.channels * config.value_expansion)
        active = {"norm": norm, "activation": activation}
        last = {"norm": norm, "gamma_initializer": "zeros"}
        for space in ("memory", "pixel"):
            first = Conv1D(bottleneck, name=f"{space}_conv1_bn_act", **active)
            qkv = Conv1D(
                sum(self._sizes),
                name=f"{space}_qkv_conv_bn",
                norm=norm,
                kernel_initializer=tf_keras.initializers.TruncatedNormal(
                    stddev=bottleneck**-0.5
                ),
            )
            attention = MemoryAttention(
                name=f"{space}_attention", norm=norm, activation=activation
            )
            setattr(self, f"_{space}_conv1_bn_act", first)
            setattr(self, f"_{space}_qkv_conv_bn", qkv)
            setattr(self, f"_{space}_attention", attention)
        self._memory_conv3_bn = Conv1D(memory_channels, name="memory_conv3_bn", **last)
        self._memory_ffn_conv1_bn_act = Conv1D(
            config.feed_forward_channels, name="memory_ffn_conv1_bn_act", **active
        )
        self._memory_ffn_conv2_bn = Conv1D(
            memory_channels, name="memory_ffn_conv2_bn", **last
        )
        self._pixel_conv3_bn = Conv1D(pixel_channels, name="pixel_conv3_bn", **last)

    def call(
        self, pixels: tf.Tensor, memory: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Exchanges features between pixels and memory.

        Args:
          pixels: `[b, h, w, pixel_channels]`, before activation.
          memory: `[b, slots, memory_channels]`.
          training: whether to use batch statistics and drop path.

        Returns:
          The pixels before and after activation, and the memory, in the same shapes.
        """
        flat = tf.reshape(pixels, [-1, _pixel_count(pixels), pixels.shape[-1]])
        memory = tf.cast(memory, pixels.dtype)
        m = self._memory_conv1_bn_act(memory, training=training)
        p = self._pixel_conv1_bn_act(self._activation(flat), training=training)
        memory_query, memory_key, memory_value = self._split(
            self._memory_qkv_conv_bn(m, training=training)
        )
        pixel_query, pixel_key, pixel_value = self._split(
            self._pixel_qkv_conv_bn(p, training=training)
        )
        found = self._memory_attention(
            memory_query,
            tf.concat([pixel_key, memory_key], axis=2),
            tf.concat([pixel_value, memory_value], axis=2),
            training=training,
        )
        found = self._memory_conv3_bn(found, training=training)
        memory = self._activation(memory + self._kept(found, training))
        fed = self._memory_ffn_conv1_bn_act(memory, training=training)
        fed = self._memory_ffn_conv2_bn(fed, training=training)
        memory = self._activation(memory + self._kept(fed, training))
        seen = self._pixel_attention(
            pixel_query, memory_key, memory_value, training=training
        )
        seen = self._pixel_conv3_bn(seen, training=training)
        pixels += tf.reshape(self._kept(seen, training), tf.shape(pixels))
        return pixels, self._activation(pixels), memory

    def _split(self, qkv: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns queries, keys, values: `[b, heads, length, c]`."""
        query, key, value = (
            split_heads(part, self._config.num_heads)
            for part in tf.split(qkv, self._sizes, axis=-1)
        )
        return query, key, value

    def _kept(self, path: tf.Tensor, training: bool) -> tf.Tensor:
        if not training or self._keep_prob == 1.0:
            return path
        return path * drop_path_mask(path, self._keep_prob)


def _pixel_count(pixels: tf.Tensor) -> int | tf.Tensor:
    _, height, width, _ = pixels.shape
    if height is not None and width is not None:
        return height * width
    return tf.reduce_prod(tf.shape(pixels)[1:3])
