"""Multi-head attention between sequences, with a norm instead of fixed scaling.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The private attribute names are the keys of published
checkpoints.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.normalization import normalization


class MemoryAttention(tf_keras.layers.Layer):
    """Attention with normalised similarities and a normalised, activated output."""

    def __init__(self, *, name: str, norm: NormConfig, activation: str = "relu"):
        """Creates the layers.

        Args:
          name: name of the layer.
          norm: norm of the similarities, per head, and of the retrieved values. Group
            normalisation takes the heads as its groups.
          activation: name of the activation of the output.
        """
        super().__init__(name=name)
        self._batch_norm_similarity = normalization(
            norm.ungrouped(), name="batch_norm_similarity", axis=1
        )
        self._batch_norm_retrieved_value = normalization(
            norm.ungrouped(), name="batch_norm_retrieved_value", axis=(1, 3)
        )
        self._activation = get_activation(activation)

    def call(
        self,
        query: tf.Tensor,
        key: tf.Tensor,
        value: tf.Tensor,
        training: bool = False,
    ) -> tf.Tensor:
        """Retrieves values by the similarity of queries to keys.

        Args:
          query: `[b, heads, queries, c]`.
          key: `[b, heads, keys, c]`.
          value: `[b, heads, keys, c']`.
          training: whether to normalise by batch statistics.

        Returns:
          `[b, queries, heads * c']`, in the precision of `value`. Attention weights are
          computed in float32.
        """
        norm = self._batch_norm_similarity
        affine = norm.affine(training)
        if affine is None:
            similarity = tf.matmul(query, key, transpose_b=True)
            similarity = norm(similarity, training=training)
        else:
            # The softmax does not depend on the shift, which is constant per head.
            scale = affine[0][:, tf.newaxis, tf.newaxis]
            query = query * tf.cast(scale, query.dtype)
            similarity = tf.matmul(query, key, transpose_b=True)
        # Half precision has too few digits for a sum over all pixels.
        weights = tf.nn.softmax(tf.cast(similarity, tf.float32))
        found = self._batch_norm_retrieved_value(
            tf.matmul(tf.cast(weights, value.dtype), value), training=training
        )
        return merge_heads(self._activation(found))


def split_heads(x: tf.Tensor, num_heads: int) -> tf.Tensor:
    """Returns `[b, length, c]` as `[b, num_heads, length, c / num_heads]`."""
    _, length, channels = _sizes(x)
    x = tf.reshape(x, [-1, length, num_heads, channels // num_heads])
    return tf.transpose(x, [0, 2, 1, 3])


def merge_heads(x: tf.Tensor) -> tf.Tensor:
    """Returns `[b, heads, length, c]` as `[b, length, heads * c]`."""
    _, heads, length, channels = _sizes(x)
    x = tf.transpose(x, [0, 2, 1, 3])
    return tf.reshape(x, [-1, length, heads * channels])


def _sizes(x: tf.Tensor) -> list[Any]:
    """Returns the shape, as ints where it is static."""
    dynamic = tf.shape(x)
    return [dynamic[i] if n is None else n for i, n in enumerate(x.shape)]
