"""Bilinear resizing with aligned corners, and the sizes that go with it.

The corner pixels of input and output coincide, so a map of `(size - 1) / stride + 1`
pixels shares a grid with the image of `size` pixels. This is why crops have
k * stride + 1 pixels.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def scaled_size(size: Any, scale: float) -> Any:
    """Returns the size of a map at another scale, with aligned corners.

    Args:
      size: number of pixels, an int or an int32 tensor.
      scale: factor between the grids; 1 / stride for a feature map.

    Returns:
      `(size - 1) * scale + 1`, rounded down, of the type of `size`.
    """
    if isinstance(size, int):
        return int((size - 1.0) * scale + 1.0)
    return tf.cast((tf.cast(size, tf.float32) - 1.0) * scale + 1.0, tf.int32)


def spatial_size(images: tf.Tensor) -> tuple[Any, Any]:
    """Returns height and width of `[b, h, w, c]`, as ints if they are static."""
    dynamic = tf.shape(images)
    height, width = images.shape[1:3]
    return (
        dynamic[1] if height is None else height,
        dynamic[2] if width is None else width,
    )


def resize_bilinear(images: tf.Tensor, size: tuple[Any, Any]) -> tf.Tensor:
    """Resizes `[b, h, w, c]` maps to `size` with aligned corners.

    Args:
      images: floating-point maps.
      size: (height, width), ints or int32 scalars.

    Returns:
      `[b, height, width, c]`, with the dtype of `images`.
    """
    fixed = all(isinstance(length, int) for length in size)
    if fixed and images.shape[1:3] == tuple(size):
        return images
    resized = tf.raw_ops.ResizeBilinear(
        images=tf.cast(images, tf.float32), size=tf.stack(size), align_corners=True
    )
    return tf.cast(resized, images.dtype)


def resize_offsets(offsets: tf.Tensor, size: tuple[Any, Any]) -> tf.Tensor:
    """Resizes `[b, h, w, 2]` maps of (dy, dx) and rescales their values.

    The values scale with the grid, by (new size - 1) / (old size - 1) per axis, so an
    offset keeps pointing to the same place.
    """
    old = spatial_size(offsets)
    factors = [
        tf.cast(new - 1, tf.float32) / tf.cast(tf.maximum(now - 1, 1), tf.float32)
        for new, now in zip(size, old, strict=True)
    ]
    return resize_bilinear(offsets * tf.cast(tf.stack(factors), offsets.dtype), size)
