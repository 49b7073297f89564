"""Splits sequences into blocks of queries, each with the keys that it can attend to."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# int or tf.Tensor.
Length = Any


class Blocks:
    """Splits `[n, heads, length, channels]` into blocks, or into one for the whole.

    Attributes:
      queries: number of positions per block.
      reach: largest distance between a query and a key of its block.
    """

    def __init__(self, length: Length, block: int, halo: int):
        """Plans the blocks.

        Args:
          length: length of the sequence.
          block: number of positions per block; 0 takes the whole sequence as one block.
          halo: number of positions to each side that a query attends to; unused with
            one block.
        """
        self._length = length
        self._halo = halo if block else 0
        self.queries = block or length
        self._count = -(-length // block) if block else 1
        self._local = bool(block)
        self.reach = self.queries - 1 + self._halo

    def split(self, sequence: tf.Tensor) -> tf.Tensor:
        """Returns the positions of each block, `[n * blocks, heads, queries, c]`."""
        if not self._local:
            return sequence
        return self._windows(sequence, 0)

    def memory(self, sequence: tf.Tensor) -> tf.Tensor:
        """Returns each block with its halo, `[n * blocks, heads, memory, c]`."""
        if not self._local:
            return sequence
        return self._windows(sequence, self._halo)

    def hide(self, similarity: tf.Tensor, value: float) -> tf.Tensor:
        """Masks keys that are too far from the query or outside the sequence.

        Args:
          similarity: `[n * blocks, heads, queries, memory]`.
          value: similarity of the masked keys.
        """
        if not self._local:
            return similarity
        query = tf.range(self.queries)[:, tf.newaxis]
        offset = tf.range(self.queries + 2 * self._halo) - self._halo
        first = tf.range(self._count)[:, tf.newaxis, tf.newaxis] * self.queries
        position = first + offset
        seen = (tf.abs(offset - query) <= self._halo) & (position >= 0)
        seen &= position < self._length
        shape = tf.shape(similarity)
        seen = tf.broadcast_to(
            seen[tf.newaxis], [shape[0] // self._count, self._count, *seen.shape[1:]]
        )
        seen = tf.reshape(seen, [shape[0], 1, *seen.shape[2:]])
        return tf.where(seen, similarity, tf.cast(value, similarity.dtype))

    def join(self, blocks: tf.Tensor) -> tf.Tensor:
        """Joins `[n * blocks, heads, queries, c]` into `[n, heads, length, c]`."""
        if not self._local:
            return blocks
        shape: Any = blocks.shape
        _, heads, queries, channels = shape
        x = tf.reshape(blocks, [-1, self._count, heads, queries, channels])
        x = tf.transpose(x, [0, 2, 1, 3, 4])
        x = tf.reshape(x, [-1, heads, self._count * queries, channels])
        return x[:, :, : self._length]

    def _windows(self, sequence: tf.Tensor, halo: int) -> tf.Tensor:
        heads, channels = sequence.shape[1], sequence.shape[3]
        missing = self._count * self.queries - self._length
        padded = tf.pad(sequence, [[0, 0], [0, 0], [halo, missing + halo], [0, 0]])
        size = self.queries + 2 * halo
        starts = tf.range(self._count)[:, tf.newaxis] * self.queries
        windows = tf.gather(padded, starts + tf.range(size), axis=2)
        windows = tf.transpose(windows, [0, 2, 1, 3, 4])
        return tf.reshape(windows, [-1, heads, size, channels])
