"""Instance centres: the peaks of a heatmap.

As in the published code, with one correction: if there are more than K centres, exactly
the K highest are kept (the published code compares with an unsorted K-th score, which
drops some of them).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Centers(NamedTuple):
    """The centres of each image of a batch, in reading order, padded to one length."""

    # [b, k] int32, row * width + column; height * width in the padding.
    position: tf.Tensor
    # [b, k] float32, value of the peak; 0 in the padding.
    score: tf.Tensor
    # [b] int32, number of centres without the padding.
    count: tf.Tensor


def find_peaks(heatmap: tf.Tensor, *, threshold: float, kernel: int) -> tf.Tensor:
    """Returns the heatmap at its peaks, and 0 elsewhere.

    Args:
      heatmap: [b, h, w] float32.
      threshold: a peak must exceed this, and 0.
      kernel: side, in pixels, of the window in which a peak is the maximum.

    Returns:
      [b, h, w] float32. All pixels of a plateau are peaks.
    """
    heatmap = tf.where(heatmap > max(threshold, 0.0), heatmap, 0.0)
    before = (kernel - 1) // 2
    sides = [before, kernel - 1 - before]
    # Two one-dimensional max-pools are faster than a square one.
    highest = tf.expand_dims(tf.pad(heatmap, [[0, 0], sides, sides]), -1)
    highest = tf.nn.max_pool2d(highest, [kernel, 1], 1, "VALID")
    highest = tf.nn.max_pool2d(highest, [1, kernel], 1, "VALID")
    return tf.where(heatmap == tf.squeeze(highest, -1), heatmap, 0.0)


def find_centers(peaks: tf.Tensor, *, keep: int, static_shapes: bool) -> Centers:
    """Returns the highest peaks of each image.

    Args:
      peaks: [b, h, w] float32, 0 where there is no peak.
      keep: maximum number of centres per image; 0 or less keeps all. Among equal peaks,
        the first in reading order are kept.
      static_shapes: whether shapes must not depend on the number of centres.
    """
    shape = tf.shape(peaks)
    pixels = shape[1] * shape[2]
    flat = tf.reshape(peaks, [shape[0], pixels])
    found = tf.math.count_nonzero(flat, axis=1, dtype=tf.int32)
    limit = pixels if keep <= 0 else tf.minimum(keep, pixels)
    count = tf.minimum(found, limit)
    k = limit if static_shapes else tf.maximum(1, tf.reduce_max(count))
    score, position = tf.math.top_k(flat, k)
    position = tf.sort(tf.where(score > 0, position, pixels), axis=1)
    score = tf.gather(flat, tf.minimum(position, pixels - 1), batch_dims=1)
    return Centers(position, tf.where(position < pixels, score, 0.0), count)
