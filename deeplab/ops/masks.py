"""Masks as maps of probabilities, and how much they have in common.

Pixels are flat: [b, pixels, ...]. A map of numbers says which of several masks, which
do not overlap, covers a pixel; -1 is none.
"""

from __future__ import annotations

import tensorflow as tf

_EPSILON = 1e-5


def known_size(values: tf.Tensor, axis: int) -> int:
    """Returns the size of an axis that must be known before anything runs.

    Raises:
      ValueError: it is not.
    """
    size = values.shape[axis]
    if size is None:
        raise ValueError(f"axis {axis} of {values.shape} must have a known size")
    return int(size)


def flat_pixels(maps: tf.Tensor) -> tf.Tensor:
    """Returns [b, h, w, c] maps as [b, h * w, c] float32."""
    height, width, channels = maps.shape[1:]
    if height is None or width is None:
        shape = [tf.shape(maps)[0], -1, channels]
    else:
        shape = [-1, height * width, channels]
    return tf.cast(tf.reshape(maps, shape), tf.float32)


def mask_areas(numbers: tf.Tensor, masks: int) -> tf.Tensor:
    """Returns [b, masks] float32, the pixels of each mask of a [b, pixels] map."""
    return tf.reduce_sum(tf.one_hot(numbers, masks), axis=1)


def shared_area(numbers: tf.Tensor, masks: int, probs: tf.Tensor) -> tf.Tensor:
    """Returns how much masks have in common with maps of probabilities.

    Args:
      numbers: [b, pixels] int32, the mask of each pixel or -1.
      masks: how many there are.
      probs: [b, pixels, slots] float32, 0 to 1.

    Returns:
      [b, masks, slots] float32, in pixels.
    """
    return tf.matmul(tf.one_hot(numbers, masks), probs, transpose_a=True)


def dice_similarity(
    shared: tf.Tensor, areas: tf.Tensor, others: tf.Tensor
) -> tf.Tensor:
    """Returns the Dice coefficient, 0 to 1, of masks: what they share of their mean.

    V-Net, Fausto Milletari, Nassir Navab, Seyed-Ahmad Ahmadi, 3DV 2016,
    https://arxiv.org/abs/1606.04797.

    Args:
      shared: float32, what two masks have in common, in pixels.
      areas: their areas, of shapes that broadcast to it.
      others: likewise.
    """
    return shared / ((areas + others) / 2.0 + _EPSILON)


def area_ratio(part: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    """Returns part / whole, 0 where both are 0."""
    return part / (whole + _EPSILON)
