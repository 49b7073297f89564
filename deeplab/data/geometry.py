"""Sizes, crops and resampling: what puts an image of any size on the model's grid.

Sizes, distributions and interpolation are those of DeepLab2: Mark Weber et al.,
"DeepLab2: A TensorFlow Library for Deep Labeling", 2021
(https://arxiv.org/abs/2106.09748). Two departures: in training only the part that
the crop shows is resampled, once, straight from the source pixels, where resizing
to a range and scaling at random were two passes over the whole image; in inference
an image larger than the crop keeps its resolution and is padded to the next size
that the model's strides divide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

# Maps to zero under the models' normalisation.
MEAN_PIXEL = 127.5


class Placement(NamedTuple):
    """Where the crop lies, in training; shared by all frames of an example.

    Attributes:
      resized: [2] int32, height and width that the image would be resized to.
      origin: [2] int32, upper left corner of the shown part in the resized image.
      shown: [2] int32, size of the shown part.
      padding: [2] int32, rows above and columns left of the shown part in the crop.
      flip: scalar bool, whether left and right change places.
    """

    resized: tf.Tensor
    origin: tf.Tensor
    shown: tf.Tensor
    padding: tf.Tensor
    flip: tf.Tensor


def size_in_range(
    size: tf.Tensor,
    min_resize_value: Sequence[int] = (),
    max_resize_value: Sequence[int] = (),
    resize_factor: int = 0,
) -> tf.Tensor:
    """Returns the size that an image is resized to, its aspect ratio kept.

    Args:
      size: [2] int32, height and width in pixels.
      min_resize_value: (height, width), or one value for both: the image is scaled,
        up or down, until both sides just reach them. Empty or 0: not scaled.
      max_resize_value: likewise: an image that exceeds one is then scaled down until
        both sides fit. Empty or 0: no limit.
      resize_factor: makes the sides k * factor + 1, rounding up; 0 leaves them.

    Returns:
      [2] int32.
    """
    minimum = resize_pair(min_resize_value)
    maximum = resize_pair(max_resize_value)
    if minimum:
        size = _scaled(size, tf.reduce_max(tf.cast(minimum / size, tf.float32)))
    if maximum:
        if resize_factor:
            maximum = [v - (v - 1) % resize_factor for v in maximum]
        fit = tf.reduce_min(tf.cast(maximum / size, tf.float32))
        size = _scaled(size, tf.minimum(fit, 1.0))
    if resize_factor:
        size += tf.math.floormod(1 - size, resize_factor)
    return tf.maximum(size, 1)


def resize_pair(values: Sequence[int]) -> tuple[int, int] | None:
    """Returns a resize value as (height, width), None where there is no limit.

    Raises:
      ValueError: more than two values.
    """
    if len(values) > 2:
        raise ValueError(f"resize values {list(values)}: give height and width")
    pair = (*values, *values)[:2]
    return (pair[0], pair[1]) if pair and min(pair) > 0 else None


def random_scale(
    seed: tf.Tensor, minimum: float, maximum: float, step: float
) -> tf.Tensor:
    """Draws a scale between `minimum` and `maximum`.

    Args:
      seed: [2] integers.
      minimum: smallest scale.
      maximum: largest scale.
      step: distance between the scales that can be drawn; 0 draws any.

    Returns:
      Scalar float32.

    Raises:
      ValueError: the scales are not positive or not in order.
    """
    if not 0 < minimum <= maximum or step < 0:
        raise ValueError(
            f"scales from {minimum} to {maximum} in steps of {step}: give positive "
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
    """Draws where the crop lies in an image, and whether it is mirrored.

    Args:
      seed: [2] integers.
      size: [2] int32, of the image, resized to its range.
      scale: scalar float32, further factor on the size.
      crop_size: (height, width) of the crop. A smaller image lies anywhere in it.
      flip: mirrors half of the images.
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
    """Returns the shown part of an image as resizing and cropping would give it.

    Args:
      image: `[h, w, 3]` uint8 or float32.
      placement: where the crop lies.

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
    """Returns the shown part of a label map: the nearest source pixels.

    Args:
      label: `[h, w]` integers.
      placement: where the crop lies.

    Returns:
      `placement.shown` integers of the dtype of `label`.
    """
    size = tf.shape(label)
    rows, columns = (
        _nearest(size[axis], placement.resized[axis])[
            placement.origin[axis] : placement.origin[axis] + placement.shown[axis]
        ]
        for axis in (0, 1)
    )
    columns = tf.where(placement.flip, columns[::-1], columns)
    return tf.gather(tf.gather(label, rows), columns, axis=1)


def pad(
    values: tf.Tensor,
    size: tf.Tensor | Sequence[int],
    value: float,
    offset: tf.Tensor | Sequence[int] = (0, 0),
) -> tf.Tensor:
    """Surrounds `[h, w, ...]` with a constant.

    Args:
      values: what to pad.
      size: [2] integers, height and width of the result.
      value: what to pad with.
      offset: [2] integers, rows above and columns left of `values`.

    Returns:
      `[*size, ...]` of the dtype of `values`.
    """
    offset = tf.convert_to_tensor(offset)
    after = tf.convert_to_tensor(size) - offset - tf.shape(values)[:2]
    paddings = tf.pad(
        tf.stack([offset, after], axis=1), [[0, values.shape.rank - 2], [0, 0]]
    )
    padded = tf.pad(values, paddings, constant_values=tf.cast(value, values.dtype))
    sides = [None, None] if tf.is_tensor(size) else size
    padded.set_shape([*sides, *values.shape[2:]])
    return padded


def place(
    values: tf.Tensor, placement: Placement, crop_size: tuple[int, int], value: float
) -> tf.Tensor:
    """Returns the crop: the shown part, `[h, w, ...]`, padded with `value`."""
    spare = tf.constant(crop_size) - placement.shown
    # Mirrored, what was left of the image is right of it.
    left = tf.where(
        placement.flip, spare[1] - placement.padding[1], placement.padding[1]
    )
    return pad(values, crop_size, value, tf.stack([placement.padding[0], left]))


def inference_sizes(
    size: tf.Tensor,
    *,
    crop_size: tuple[int, int] | None,
    output_stride: int,
    min_resize_value: Sequence[int] = (),
    max_resize_value: Sequence[int] = (),
    resize_factor: int = 0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the size to resize an image to, and the size to pad it to.

    Args:
      size: [2] int32, height and width of the image.
      crop_size: (height, width) to pad smaller images to.
      output_stride: sides beyond the crop are padded to the next k * stride + 1.
      min_resize_value: see `size_in_range`.
      max_resize_value: see `size_in_range`.
      resize_factor: see `size_in_range`.

    Returns:
      Two [2] int32 tensors.
    """
    resized = size_in_range(size, min_resize_value, max_resize_value, resize_factor)
    # Minus floor division rounds up.
    padded = -((1 - resized) // output_stride) * output_stride + 1
    if crop_size is not None:
        padded = tf.where(resized <= crop_size, crop_size, padded)
    return resized, padded


def preprocess_for_inference(
    image: tf.Tensor,
    *,
    crop_size: tuple[int, int] | None,
    output_stride: int,
    min_resize_value: Sequence[int] = (),
    max_resize_value: Sequence[int] = (),
    resize_factor: int = 0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Resizes and pads an image, without randomness: evaluation and export alike.

    Args:
      image: `[h, w, 3]` uint8 or float32, 0 to 255.
      crop_size: see `inference_sizes`, as the other arguments.
      output_stride: of the model.
      min_resize_value: of the data set.
      max_resize_value: of the data set.
      resize_factor: of the data set.

    Returns:
      `[h', w', 3]` float32, padded right and below with the mean pixel, and the [2]
      int32 size of the part that shows the image.
    """
    resized, padded = inference_sizes(
        tf.shape(image)[:2],
        crop_size=crop_size,
        output_stride=output_stride,
        min_resize_value=min_resize_value,
        max_resize_value=max_resize_value,
        resize_factor=resize_factor,
    )
    image = tf.raw_ops.ResizeBilinear(
        images=image[tf.newaxis], size=resized, align_corners=True
    )[0]
    return pad(image, padded, MEAN_PIXEL), resized


def resize_label(label: tf.Tensor, resized: tf.Tensor) -> tf.Tensor:
    """Returns a label map, `[h, w]` integers, at another size: nearest pixels."""
    rows, columns = (_nearest(tf.shape(label)[a], resized[a]) for a in (0, 1))
    return tf.gather(tf.gather(label, rows), columns, axis=1)


def _truncated(size: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.cast(size, tf.float32) * scale, tf.int32)


def _uniform_below(seed: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Draws one integer per limit, from 0 to below it; 0 where it is below 1."""
    draws = tf.random.stateless_uniform(tf.shape(limits), seed, dtype=tf.float64)
    return tf.cast(draws * tf.cast(tf.maximum(limits, 1), tf.float64), tf.int32)


def _nearest(size: tf.Tensor, resized: tf.Tensor) -> tf.Tensor:
    """Returns [resized] int32: the source pixel of each, corners aligned."""
    step = tf.cast(size - 1, tf.float32) / tf.cast(
        tf.maximum(resized - 1, 1), tf.float32
    )
    position = tf.cast(tf.range(resized), tf.float32) * step
    return tf.minimum(tf.cast(tf.floor(position + 0.5), tf.int32), size - 1)


def _cut(image: tf.Tensor, placement: Placement) -> tf.Tensor:
    top, left = placement.origin[0], placement.origin[1]
    end = placement.origin + placement.shown
    part = tf.cast(image[top : end[0], left : end[1]], tf.float32)
    return tf.cond(placement.flip, lambda: part[:, ::-1], lambda: part)


def _resample(image: tf.Tensor, placement: Placement) -> tf.Tensor:
    """Returns the shown part, interpolated between the source pixels around it."""
    last = tf.shape(image)[:2] - 1
    step = tf.cast(last, tf.float64) / tf.cast(
        tf.maximum(placement.resized - 1, 1), tf.float64
    )
    start = tf.cast(placement.origin, tf.float64) * step
    end = tf.cast(placement.origin + placement.shown - 1, tf.float64) * step
    first = tf.cast(tf.floor(start), tf.int32)
    beyond = tf.minimum(tf.cast(tf.math.ceil(end), tf.int32), last) + 1
    window = _framed(image[first[0] : beyond[0], first[1] : beyond[1]])
    shift = tf.cast(1 - first, tf.float64)
    size = tf.cast(tf.shape(window)[:2] - 1, tf.float64)
    corners = tf.cast(tf.stack([start + shift, end + shift]) / size, tf.float32)
    x1, x2 = corners[0, 1], corners[1, 1]
    x1, x2 = tf.where(placement.flip, x2, x1), tf.where(placement.flip, x1, x2)
    box = tf.stack([corners[0, 0], x1, corners[1, 0], x2])
    return tf.image.crop_and_resize(window[tf.newaxis], [box], [0], placement.shown)[0]


def _framed(window: tf.Tensor) -> tf.Tensor:
    """Repeats the border pixels: positions a rounding error off it stay inside."""
    window = tf.concat([window[:1], window, window[-1:]], axis=0)
    return tf.concat([window[:, :1], window, window[:, -1:]], axis=1)


def _scaled(size: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(tf.cast(size, tf.float32) * factor), tf.int32)
