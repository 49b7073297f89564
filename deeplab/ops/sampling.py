"""Choosing some of many pixels."""

from __future__ import annotations

import tensorflow as tf


def check_top_k(fraction: float) -> None:
    """Refuses a fraction of pixels outside 0 (excluded) to 1.

    Raises:
      ValueError: the fraction is out of range.
    """
    if not 0.0 < fraction <= 1.0:
        raise ValueError(
            f"top_k_percent is a fraction above 0 and up to 1, but is {fraction}"
        )


def top_k_mean(values: tf.Tensor, fraction: float = 1.0) -> tf.Tensor:
    """Returns the mean over the nonzero ones of the largest values of each sample.

    Zeros are pixels that do not count (ignored, or of weight 0): they take part in
    the choice of the `round(fraction * pixels)` largest values, at least one, but
    not in the mean.

    Args:
      values: [batch, ...] float32, at least 0.
      fraction: share of the values to look at, above 0 and up to 1.

    Returns:
      [batch] float32, 0 for a sample without nonzero values.
    """
    pixels = values.shape[1:].num_elements()
    if pixels is None:
        pixels = tf.size(values[0])
        values = tf.reshape(values, [tf.shape(values)[0], pixels])
    else:
        values = tf.reshape(values, [-1, pixels])
    if fraction < 1.0:
        values = tf.math.top_k(values, _rounded(fraction, pixels), sorted=False).values
    nonzero = tf.math.count_nonzero(values, axis=1, dtype=tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(values, axis=1), nonzero)


def _rounded(fraction: float, pixels: int | tf.Tensor) -> int | tf.Tensor:
    # XLA needs to know the count, so it stays a Python number if it can.
    if isinstance(pixels, int):
        return max(1, round(fraction * pixels))
    count = tf.math.round(fraction * tf.cast(pixels, tf.float64))
    return tf.maximum(1, tf.cast(count, tf.int32))
