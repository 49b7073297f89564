"""k-means cross-attention: assigns pixels to clusters, and sums over each cluster.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. The private attribute names are the keys of
published checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.core.structures import MaskOutput
from deeplab.layers.activations import get_activation
from deeplab.layers.convolution import Conv1D
from deeplab.layers.drop_path import drop_path_mask
from deeplab.layers.memory_attention import MemoryAttention, split_heads
from deeplab.layers.normalization import normalization
from deeplab.ops.resize import spatial_size

_HEADS = 8
CHANNEL_DIVISOR = 2 * _HEADS  # Keys have half the channels.
_FEED_FORWARD_EXPANSION = 8


def kmeans_sums(mask_logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Assigns each pixel to its best slot and sums the values of each slot.

    Args:
      mask_logits: `[b, h, w, slots]`. Ties go to the first slot, and no gradient flows
        through the assignment.
      values: `[b, h, w, c]`.

    Returns:
      `[b, slots, c]` float32; zero for a slot without pixels.
    """
    slots = mask_logits.shape[-1]
    pixels = tf.reduce_prod(tf.shape(values)[1:3])
    best = tf.argmax(mask_logits, axis=-1, output_type=tf.int32)
    assignment = tf.stop_gradient(tf.one_hot(best, slots, dtype=tf.float32))
    # Sums over thousands of pixels need float32, whatever the network's precision.
    return tf.matmul(
        tf.reshape(assignment, [-1, pixels, slots]),
        tf.reshape(tf.cast(values, tf.float32), [-1, pixels, values.shape[-1]]),
        transpose_a=True,
    )


class KMeansTransformerLayer(tf_keras.layers.Layer):
    """k-means cross-attention, self-attention and feed-forward network."""

    def __init__(
        self,
        predictor: Callable[..., MaskOutput],
        *,
        channels: int,
        name: str,
        norm: NormConfig,
        keep_prob: float = 1.0,
        activation: str = "gelu",
    ):
        """Creates the layers.

        Args:
          predictor: predicts the masks that assign pixels to clusters, from the
            features "feature_panoptic" `[b, h, w, channels]`,
            "transformer_mask_feature" and "transformer_class_feature"
            `[b, slots, channels]`.
          channels: channels of a cluster centre, a multiple of 16.
          name: name of the layer.
          norm: kind and options of the norms.
          keep_prob: probability of keeping each of the three residual paths in
            training.
          activation: name of the activation.

        Raises:
          ValueError: `channels` is not a multiple of 16.
        """
        super().__init__(name=name)
        if channels % CHANNEL_DIVISOR:
            raise ValueError(
                f"k-means attention: {channels} channels are not a multiple of "
                f"{CHANNEL_DIVISOR}; choose one that is"
            )
        self._channels = channels
        self._keep_prob = keep_prob
        self._activation = get_activation(activation)
        self._auxiliary_clustering_predictor = predictor

        def projection(attribute: str, width: int = channels, **kwargs: Any) -> Conv1D:
            return Conv1D(width, name=attribute, norm=norm, **kwargs)

        # Without a norm, this deviation would preserve the variance of the features.
        stddev = channels**-0.5
        last: dict[str, Any] = {"gamma_initializer": "zeros"}
        active: dict[str, Any] = {"activation": activation}
        self._memory_conv1_bn_act = projection("memory_conv1_bn_act", **active)
        self._pixel_conv1_bn_act = projection("pixel_conv1_bn_act", **active)
        self._memory_qkv_conv_bn = projection(
            "memory_qkv_conv_bn", 2 * channels, kernel_initializer=_normal(stddev)
        )
        self._pixel_v_conv_bn = projection(
            "pixel_v_conv_bn", kernel_initializer=_normal(stddev)
        )
        self._memory_attention = MemoryAttention(
            name="memory_attention", norm=norm, activation=activation
        )
        self._memory_conv3_bn = projection("memory_conv3_bn", **last)
        self._kmeans_memory_batch_norm_retrieved_value = normalization(
            norm, name="kmeans_memory_batch_norm_retrieved_value"
        )
        self._kmeans_memory_conv3_bn = projection("kmeans_memory_conv3_bn", **last)
        self._memory_ffn_conv1_bn_act = projection(
            "memory_ffn_conv1_bn_act", _FEED_FORWARD_EXPANSION * channels, **active
        )
        self._memory_ffn_conv2_bn = projection("memory_ffn_conv2_bn", **last)

    def call(
        self, pixels: tf.Tensor, centers: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, MaskOutput]:
        """Updates the cluster centres once.

        Args:
          pixels: `[b, h, w, c]` features, before activation.
          centers: `[b, slots, channels]`.
          training: whether to use batch statistics and drop path.

        Returns:
          The centres, `[b, slots, channels]`, and the masks that assigned the pixels,
          at the stride of `pixels`.
        """
        memory = self._memory_conv1_bn_act(centers, training=training)
        update, prediction = self._kmeans(pixels, memory, training)
        moved = centers + self._drop(update, training)
        moved += self._drop(self._self_attention(memory, training), training)
        moved = self._activation(moved)
        path = self._memory_ffn_conv1_bn_act(moved, training=training)
        path = self._memory_ffn_conv2_bn(path, training=training)
        return self._activation(moved + self._drop(path, training)), prediction

    def _kmeans(
        self, pixels: tf.Tensor, memory: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, MaskOutput]:
        height, width = spatial_size(pixels)
        x = tf.reshape(self._activation(pixels), [-1, height * width, pixels.shape[-1]])
        x = self._pixel_conv1_bn_act(x, training=training)
        values = self._pixel_v_conv_bn(x, training=training)
        shape = [-1, height, width, self._channels]
        prediction = self._auxiliary_clustering_predictor(
            {
                "feature_panoptic": tf.reshape(x, shape),
                "transformer_class_feature": memory,
                "transformer_mask_feature": memory,
            },
            training=training,
        )
        sums = kmeans_sums(
            prediction.pixel_space_mask_logits, tf.reshape(values, shape)
        )
        normalized = self._kmeans_memory_batch_norm_retrieved_value(
            sums, training=training
        )
        return self._kmeans_memory_conv3_bn(normalized, training=training), prediction

    def _self_attention(self, memory: tf.Tensor, training: bool) -> tf.Tensor:
        qkv = self._memory_qkv_conv_bn(memory, training=training)
        depth = self._channels // 2
        query, key, value = (
            split_heads(part, _HEADS)
            for part in tf.split(qkv, [depth, depth, self._channels], axis=-1)
        )
        attended = self._memory_attention(query, key, value, training=training)
        return self._memory_conv3_bn(attended, training=training)

    def _drop(self, path: tf.Tensor, training: bool) -> tf.Tensor:
        if not training or self._keep_prob == 1.0:
            return path
        return path * drop_path_mask(path, self._keep_prob)


def _normal(stddev: float) -> tf_keras.initializers.Initializer:
    return tf_keras.initializers.TruncatedNormal(stddev=stddev)
