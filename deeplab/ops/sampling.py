"""Selects some of the pixels of a map."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def subsample(values: tf.Tensor, size: tuple[Any, Any]) -> tf.Tensor:
    """Subsamples a map to the grid of a coarser map of the same image.

    Corners are aligned: every stride-th pixel is taken if the strides divide, and the
    nearest pixel otherwise.

    Args:
      values: [b, h, w, ...] of any dtype.
      size: (height, width), ints or int32 scalars.

    Returns:
      [b, height, width, ...].
    """
    if values.shape[1:3] == list(size):
        return values
    rows, columns = (
        _nearest(tf.shape(values)[axis], length)
        for axis, length in zip((1, 2), size, strict=True)
    )
    return tf.gather(tf.gather(values, rows, axis=1), columns, axis=2)


def _nearest(length: tf.Tensor, shorter: Any) -> tf.Tensor:
    """Returns the index of the nearest pixel, corners aligned, as [shorter] int32."""
    steps = tf.maximum(shorter - 1, 1)
    return (tf.range(shorter) * (length - 1) * 2 + steps) // (2 * steps)


def check_sample_k(k: int) -> None:
    """Checks the number of pixels to sample.

    Raises:
      ValueError: the number is not positive.
    """
    if k < 1:
        raise ValueError(f"pixels to sample: {k}; choose at least 1")


def draw_without_replacement(logits: tf.Tensor, k: int) -> tf.Tensor:
    """Draws `k` distinct indices from the distributions softmax(logits).

    Adds Gumbel noise and takes the largest values: W. Kool, H. van Hoof, M. Welling,
    "Stochastic Beams and Where to Find Them", ICML 2019,
    https://arxiv.org/abs/1903.06059. The noise comes from TensorFlow's global
    generator, whose state can be saved, so that a resumed run continues its sequence.

    Args:
      logits: [b, n] float32, log-probabilities up to a constant; -inf is drawn last.
      k: number of indices; all n are drawn if there are fewer.

    Returns:
      [b, min(k, n)] int32.
    """
    places = logits.shape[1]
    drawn = tf.minimum(k, tf.shape(logits)[1]) if places is None else min(k, places)
    uniform = tf.random.get_global_generator().uniform(tf.shape(logits), 1e-30, 1.0)
    noise = -tf.math.log(-tf.math.log(uniform))
    return tf.math.top_k(logits + noise, drawn, sorted=False).indices


def check_top_k(fraction: float) -> None:
    """Checks that a fraction of pixels is above 0 and at most 1.

    Raises:
      ValueError: the fraction is out of range.
    """
    if not 0.0 < fraction <= 1.0:
        raise ValueError(
            f"top_k_percent {fraction}: choose a fraction above 0 and up to 1"
        )


def top_k_mean(values: tf.Tensor, fraction: float = 1.0) -> tf.Tensor:
    """Returns the mean of the nonzero values among the largest of each sample.

    Zeros mark pixels that are ignored or have weight 0. They take part in the selection
    of the `round(fraction * pixels)` largest values, at least one, but not in the mean.

    Args:
      values: [batch, ...] float32, not negative.
      fraction: fraction of the values to select, above 0 and up to 1.

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
    # XLA needs a static count, so it stays a Python int if possible.
    if isinstance(pixels, int):
        return max(1, round(fraction * pixels))
    count = tf.math.round(fraction * tf.cast(pixels, tf.float64))
    return tf.maximum(1, tf.cast(count, tf.int32))
