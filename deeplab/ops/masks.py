"""Areas and overlaps of masks, given as probability maps or as numbers per pixel.

Pixels are flattened: [b, pixels, ...]. Masks that do not overlap are given as one map
with the number of the mask that covers each pixel, -1 where there is none.
"""

from __future__ import annotations

import tensorflow as tf

_EPSILON = 1e-5


def known_size(values: tf.Tensor, axis: int) -> int:
    """Returns the size of an axis, which must be known statically.

    Raises:
      ValueError: the size is unknown.
    """
    size = values.shape[axis]
    if size is None:
        raise ValueError(f"axis {axis} of {values.shape} must have a static size")
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
    """Returns the area of each mask of a [b, pixels] map, as [b, masks] float32."""
    return tf.reduce_sum(tf.one_hot(numbers, masks), axis=1)


def shared_area(numbers: tf.Tensor, masks: int, probs: tf.Tensor) -> tf.Tensor:
    """Returns the intersection of masks with probability maps.

    Args:
      numbers: [b, pixels] int32, number of the mask of each pixel, or -1.
      masks: number of masks.
      probs: [b, pixels, slots] float32, 0 to 1.

    Returns:
      [b, masks, slots] float32, in pixels.
    """
    return tf.matmul(tf.one_hot(numbers, masks), probs, transpose_a=True)


def dice_similarity(
    shared: tf.Tensor, areas: tf.Tensor, others: tf.Tensor
) -> tf.Tensor:
    """Returns the Dice coefficients of masks, 0 to 1: intersection over mean area.

    V-Net, Fausto Milletari, Nassir Navab, Seyed-Ahmad Ahmadi, 3DV 2016,
    https://arxiv.org/abs/1606.04797.

    Args:
      shared: float32, intersections in pixels.
      areas: areas of the first masks, of a shape that broadcasts to `shared`.
      others: areas of the second masks, of a shape that broadcasts to `shared`.
    """
    return shared / ((areas + others) / 2.0 + _EPSILON)


def area_ratio(part: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    """Returns part / whole, 0 where both are 0."""
    return part / (whole + _EPSILON)
