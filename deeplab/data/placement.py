"""Random crops: draws the position of a crop in an image, and samples it.

Distributions and interpolation follow DeepLab2: Mark Weber et al., "DeepLab2: A
TensorFlow Library for Deep Labeling", 2021 (https://arxiv.org/abs/2106.09748). One
departure: only the part inside the crop is resampled, once, directly from the source
pixels; DeepLab2 resizes to the range and scales at random in two passes over the whole
image.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from deeplab.data.geometry import Pixel, nearest_pixels, pad


class Placement(NamedTuple):
    """Position of a training crop; the same for all frames of an example.

    Attributes:
      resized: [2] int32, height and width that the image would be resized to.
      origin: [2] int32, top left corner of the visible part in the resized image.
      shown: [2] int32, size of the visible part.
      padding: [2] int32, rows above and columns left of the visible part in the crop.
      flip: scalar bool, whether the crop is flipped left to right.
    """

    resized: tf.Tensor
    origin: tf.Tensor
    shown: tf.Tensor
    padding: tf.Tensor
    flip: tf.Tensor


def random_scale(
    seed: tf.Tensor, minimum: float, maximum: float, step: float
) -> tf.Tensor:
    """Draws a scale between `minimum` and `maximum`.

    Args:
      seed: [2] integers.
      minimum: smallest scale.
      maximum: largest scale.
      step: step between the scales that can be drawn; 0 draws from the whole range.

    Returns:
      Scalar float32.

    Raises:
      ValueError: the scales are not positive or not in order.
    """
    if not 0 < minimum <= maximum or step < 0:
        raise ValueError(
            f"scales from {minimum} to {maximum} in steps of {step}: choose positive "
            "scales in ascending order"
        )
    if minimum == maximum:
        return tf.constant(minimum, tf.float32)
    if not step:
        return tf.random.stateless_uniform([], seed, minimum, maximum)
    scales = tf.linspace(minimum, maximum, int((maximum - minimum) / step + 1))
    choice = tf.random.stateless_uniform([], seed, 0, scales.shape[0], tf.int32)
    return tf.cast(scales[choice], tf.float32)


def random_placement(
    seed: tf.Tensor,
    size: tf.Tensor,
    scale: tf.Tensor,
    crop_size: tuple[int, int],
    flip: bool = True,
) -> Placement:
    """Draws the position of the crop in an image, and whether it is flipped.

    Args:
      seed: [2] integers.
      size: [2] int32, size of the image after resizing to its range.
      scale: scalar float32, a further factor on the size.
      crop_size: (height, width) of the crop. A smaller image is placed at random in it.
      flip: whether to flip half of the images left to right.
    """
    seeds = tf.random.split(seed, 3)
    resized = tf.maximum(_truncated(size, scale), 1)
    spare = tf.constant(crop_size) - resized
    origin = _uniform_below(seeds[0], 1 - spare)
    # As published, the last position of a smaller image is never drawn.
    padding = _uniform_below(seeds[1], spare)
    mirrored = tf.random.stateless_uniform([], seeds[2]) <= 0.5
    return Placement(
        resized=resized,
        origin=origin,
        shown=tf.minimum(resized, crop_size),
        padding=padding,
        flip=mirrored if flip else tf.constant(False),
    )


def sample_image(image: tf.Tensor, placement: Placement) -> tf.Tensor:
    """Returns the visible part of an image, as resizing and cropping would give it.

    Args:
      image: `[h, w, 3]` uint8 or float32.
      placement: position of the crop.

    Returns:
      `[*placement.shown, 3]` float32, bilinear with aligned corners.
    """
    shown = tf.cond(
        tf.reduce_all(tf.equal(tf.shape(image)[:2], placement.resized)),
        lambda: _cut(image, placement),
        lambda: _resample(image, placement),
    )
    shown.set_shape([None, None, image.shape[-1]])
    return shown


def sample_label(label: tf.Tensor, placement: Placement) -> tf.Tensor:
    """Returns the visible part of a label map, with nearest-neighbour sampling.

    Args:
      label: `[h, w]` integers.
      placement: position of the crop.

    Returns:
      `[*placement.shown]`, with the dtype of `label`.
    """
    size = tf.shape(label)
    rows, columns = (
        nearest_pixels(size[axis], placement.resized[axis])[
            placement.origin[axis] : placement.origin[axis] + placement.shown[axis]
        ]
        for axis in (0, 1)
    )
    columns = tf.where(placement.flip, columns[::-1], columns)
    return tf.gather(tf.gather(label, rows), columns, axis=1)


def place(
    values: tf.Tensor,
    placement: Placement,
    crop_size: tuple[int, int],
    value: float | Pixel,
) -> tf.Tensor:
    """Returns the crop: the visible part, `[h, w, ...]`, padded with `value`."""
    spare = tf.constant(crop_size) - placement.shown
    # In a flipped crop, the left padding is on the right.
    left = tf.where(
        placement.flip, spare[1] - placement.padding[1], placement.padding[1]
    )
    return pad(values, crop_size, value, tf.stack([placement.padding[0], left]))


def _truncated(size: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.cast(size, tf.float32) * scale, tf.int32)


def _uniform_below(seed: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Draws an integer below each limit, from 0; it is 0 if the limit is below 1."""
    draws = tf.random.stateless_uniform(tf.shape(limits), seed, dtype=tf.float64)
    return tf.cast(draws * tf.cast(tf.maximum(limits, 1), tf.float64), tf.int32)


def _cut(image: tf.Tensor, placement: Placement) -> tf.Tensor:
    top, left = placement.origin[0], placement.origin[1]
    end = placement.origin + placement.shown
    part = tf.cast(image[top : end[0], left : end[1]], tf.float32)
    return tf.cond(placement.flip, lambda: part[:, ::-1], lambda: part)


def _resample(image: tf.Tensor, placement: Placement) -> tf.Tensor:
    """Returns the visible part, interpolated from the source pixels."""
    last = tf.shape(image)[:2] - 1
    step = tf.cast(last, tf.float64) / tf.cast(
        tf.maximum(placement.resized - 1, 1), tf.float64
    )
    start = tf.cast(placement.origin, tf.float64) * step
    end = tf.cast(placement.origin + placement.shown - 1, tf.float64) * step
    first = tf.cast(tf.floor(start), tf.int32)
    beyond = tf.minimum(tf.cast(tf.math.ceil(end), tf.int32), last) + 1
    window = _with_border(image[first[0] : beyond[0], first[1] : beyond[1]])
    shift = tf.cast(1 - first, tf.float64)
    size = tf.cast(tf.shape(window)[:2] - 1, tf.float64)
    corners = tf.cast(tf.stack([start + shift, end + shift]) / size, tf.float32)
    x1, x2 = corners[0, 1], corners[1, 1]
    x1, x2 = tf.where(placement.flip, x2, x1), tf.where(placement.flip, x1, x2)
    box = tf.stack([corners[0, 0], x1, corners[1, 0], x2])
    return tf.image.crop_and_resize(window[tf.newaxis], [box], [0], placement.shown)[0]


def _with_border(window: tf.Tensor) -> tf.Tensor:
    """Repeats the border pixels, so that rounding errors do not leave the window."""
    window = tf.concat([window[:1], window, window[-1:]], axis=0)
    return tf.concat([window[:, :1], window, window[:, -1:]], axis=1)
