"""Learned encodings of the distance between two positions.

Self-Attention with Relative Position Representations, Peter Shaw, Jakob Uszkoreit,
Ashish Vaswani, NAACL 2018, https://arxiv.org/abs/1803.02155. An encoding is a row of a
table, and the row depends only on the distance. Therefore no tensor of queries x keys x
channels is needed: `skewed` moves the products of the queries with the table to the
corresponding keys, and `unskewed` does the reverse. The published layer gathers the
table for every pair.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

# Distances from -254 to 254 have encodings; larger distances share the last one.
MAX_SPAN = 255


class RelativePositionalEncoding(tf_keras.layers.Layer):
    """The table of encodings of one axis."""

    def __init__(self, channels: int, *, name: str, initial_std: float = 1.0):
        """Creates the layer.

        Args:
          channels: channels of an encoding.
          name: name of the layer.
          initial_std: standard deviation of the initial values.
        """
        super().__init__(name=name)
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=[2 * MAX_SPAN - 1, channels],
            initializer=tf_keras.initializers.TruncatedNormal(stddev=initial_std),
        )

    def within(self, reach: Any) -> tf.Tensor:
        """Returns the encodings of the distances -reach to reach.

        Args:
          reach: largest distance.

        Returns:
          `[2 * reach + 1, channels]`.
        """
        if isinstance(reach, int) and reach < MAX_SPAN:
            return self.embeddings[MAX_SPAN - 1 - reach : MAX_SPAN + reach]
        known = tf.minimum(reach, MAX_SPAN - 1)
        rows = self.embeddings[MAX_SPAN - 1 - known : MAX_SPAN + known]
        # A gather would have a sparse gradient.
        beyond = tf.ones([reach - known, 1], rows.dtype)
        return tf.concat([beyond * rows[:1], rows, beyond * rows[-1:]], axis=0)


def skewed(products: tf.Tensor, queries: Any) -> tf.Tensor:
    """Moves the values of distances to the keys at these distances.

    Args:
      products: `[n, h, queries, distances]`, with the value of distance
        -(queries - 1) in the first column. With as many keys as queries there are
        `2 * queries - 1` distances; with a halo there are more keys and distances.
      queries: number of queries.

    Returns:
      `[n, h, queries, keys]`, where key m of query l has the value of distance m - l,
      counted from the first key; `keys = distances - queries + 1`.
    """
    heads = products.shape[1]
    distances = products.shape[3] or tf.shape(products)[3]
    flat = tf.pad(products, [[0, 0], [0, 0], [0, 0], [0, 1]])
    flat = tf.reshape(flat, [-1, heads, queries * (distances + 1)])
    flat = flat[:, :, queries - 1 : queries - 1 + queries * distances]
    rows = tf.reshape(flat, [-1, heads, queries, distances])
    return rows[:, :, :, : distances - queries + 1]


def unskewed(weights: tf.Tensor, queries: Any) -> tf.Tensor:
    """Moves the values of keys to their distances; the inverse of `skewed`.

    Args:
      weights: `[n, h, queries, keys]`.
      queries: number of queries.

    Returns:
      `[n, h, queries, keys + queries - 1]`, 0 where there is no key at a distance.
    """
    heads = weights.shape[1]
    keys: Any = weights.shape[3] or tf.shape(weights)[3]
    distances = keys + queries - 1
    rows = tf.pad(weights, [[0, 0], [0, 0], [0, 0], [0, queries - 1]])
    flat = tf.reshape(rows, [-1, heads, queries * distances])
    flat = tf.pad(flat, [[0, 0], [0, 0], [queries - 1, 1]])
    rows = tf.reshape(flat, [-1, heads, queries, distances + 1])
    return rows[:, :, :, :distances]
