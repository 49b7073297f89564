"""Multi-head attention between sequences, with a norm for scaling.

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
    """What queries retrieve from values, by their similarity to keys; activated."""

    def __init__(self, *, name: str, norm: NormConfig, activation: str = "relu"):
        """Makes the layers.

        Args:
          name: name of the layer.
          norm: of the similarities, per head, and of what is found. Group
            normalisation has the heads as its groups.
          activation: of the output.
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
        """Attends.

        Args:
          query: `[b, heads, queries, c]`.
          key: `[b, heads, keys, c]`.
          value: `[b, heads, keys, c']`.
          training: whether to normalise by the batch.

        Returns:
          `[b, queries, heads * c']`, in the precision of `value`; weights are computed
          in float32.
        """
        norm = self._batch_norm_similarity
        affine = norm.affine(training)
        if affine is None:
            similarity = tf.matmul(query, key, transpose_b=True)
            similarity = norm(similarity, training=training)
        else:
            # A summand per head would not change the softmax.
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
    """Returns the shape, as ints where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[i] if n is None else n for i, n in enumerate(x.shape)]
