"""Gaussian peaks on a map: Panoptic-DeepLab's target for instance centres.

Bowen Cheng et al., "Panoptic-DeepLab", CVPR 2020 (https://arxiv.org/abs/1911.10194).
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def gaussian_peaks(
    centers: tf.Tensor, height: tf.Tensor, width: tf.Tensor, sigma: float
) -> tf.Tensor:
    """Draws a Gaussian of height 1 around each centre; overlaps take the maximum.

    Each Gaussian is cut off three standard deviations and one pixel from its centre.

    Args:
      centers: `[n, 2]` int32, (y, x) inside the map.
      height: number of rows of the map.
      width: number of columns of the map.
      sigma: standard deviation in pixels.

    Returns:
      `[height, width]` float32, 0 to 1.

    Raises:
      ValueError: `sigma` is not positive.
    """
    if sigma <= 0:
        raise ValueError(f"sigma {sigma}: a Gaussian needs a positive sigma")
    stamp = _stamp(sigma)
    side = stamp.shape[0]
    before = round(3 * sigma + 1)
    # The map has a margin, so that no stamp has to be cropped.
    rows = centers[:, 0, tf.newaxis] + tf.range(side)
    columns = centers[:, 1, tf.newaxis] + tf.range(side)
    padded_width = width + side
    flat = rows[:, :, tf.newaxis] * padded_width + columns[:, tf.newaxis, :]
    values = tf.broadcast_to(stamp, tf.shape(flat))
    padded = tf.tensor_scatter_nd_max(
        tf.zeros([(height + side) * padded_width]),
        tf.reshape(flat, [-1, 1]),
        tf.reshape(values, [-1]),
    )
    padded = tf.reshape(padded, [height + side, padded_width])
    return padded[before : before + height, before : before + width]


def _stamp(sigma: float) -> np.ndarray:
    """Returns a Gaussian as `[side, side]` float32."""
    distance = np.arange(int(6 * sigma + 3)) - (3 * sigma + 1)
    square = distance[:, np.newaxis] ** 2 + distance**2
    return np.exp(-square / (2 * sigma**2)).astype(np.float32)
