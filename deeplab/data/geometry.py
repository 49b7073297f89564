"""Sizes and resampling without randomness: fit an image to the model's input grid.

Sizes and interpolation follow DeepLab2: Mark Weber et al., "DeepLab2: A
TensorFlow Library for Deep Labeling", 2021 (https://arxiv.org/abs/2106.09748). One
departure: an image larger than the crop keeps its resolution and is padded to the next
size that fits the model's output stride. `placement` has the random crops of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from deeplab.ops.masks import known_size

Pixel = tuple[float, float, float]

# Published models pad images with this colour: zero after normalisation.
MEAN_PIXEL: Pixel = (127.5, 127.5, 127.5)


@dataclass(frozen=True)
class Resizing:
    """How images are resized and padded before a model sees them.

    Attributes:
      crop_size: (height, width) of the model's input in training; at inference smaller
        images are padded to it. None is allowed only at inference, where images are
        then not padded to a common size.
      output_stride: output stride of the model; sides larger than the crop are padded
        to the next k * stride + 1.
      min_resize_value: (height, width), or one value for both. The image is scaled up
        or down to the smallest size with both sides at least this long. Empty or 0: no
        scaling.
      max_resize_value: (height, width), or one value for both. An image that is larger
        is then scaled down until both sides fit. Empty or 0: no limit.
      resize_factor: rounds both sides up to k * factor + 1; 0 leaves them unchanged.
      padding: red, green and blue of the padding, 0 to 255.

    Raises:
      ValueError: a resize value has more than two numbers.
    """

    crop_size: tuple[int, int] | None
    output_stride: int
    min_resize_value: tuple[int, ...] = ()
    max_resize_value: tuple[int, ...] = ()
    resize_factor: int = 0
    padding: Pixel = MEAN_PIXEL

    def __post_init__(self):
        for values in (self.min_resize_value, self.max_resize_value):
            if len(values) > 2:
                raise ValueError(f"resize values {list(values)}: give height and width")

    @property
    def minimum(self) -> tuple[int, int] | None:
        """Smallest sides, (height, width); None if images are not scaled."""
        return _pair(self.min_resize_value)

    @property
    def maximum(self) -> tuple[int, int] | None:
        """Largest sides, k * factor + 1; None if there is no limit."""
        pair = _pair(self.max_resize_value)
        if pair is None or not self.resize_factor:
            return pair
        height, width = (v - (v - 1) % self.resize_factor for v in pair)
        return height, width

    @property
    def changes_sizes(self) -> bool:
        """Whether images may be resized before they are cropped or padded."""
        return bool(self.minimum or self.maximum or self.resize_factor)


def size_in_range(size: tf.Tensor, resizing: Resizing) -> tf.Tensor:
    """Returns the size that an image is resized to, keeping its aspect ratio.

    Args:
      size: [2] int32, height and width in pixels.
      resizing: the allowed range of sizes.

    Returns:
      [2] int32.
    """
    if resizing.minimum:
        least = tf.cast(resizing.minimum / size, tf.float32)
        size = _scaled(size, tf.reduce_max(least))
    if resizing.maximum:
        fit = tf.reduce_min(tf.cast(resizing.maximum / size, tf.float32))
        size = _scaled(size, tf.minimum(fit, 1.0))
    if resizing.resize_factor:
        size += tf.math.floormod(1 - size, resizing.resize_factor)
    return tf.maximum(size, 1)


def inference_sizes(size: tf.Tensor, resizing: Resizing) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the size to resize an image to, and the size to pad it to.

    Args:
      size: [2] int32, height and width of the image.
      resizing: how images are resized and padded.

    Returns:
      Two [2] int32 tensors.
    """
    resized = size_in_range(size, resizing)
    stride = resizing.output_stride
    # Negated floor division rounds up.
    padded = -((1 - resized) // stride) * stride + 1
    if resizing.crop_size is not None:
        padded = tf.where(resized <= resizing.crop_size, resizing.crop_size, padded)
    return resized, padded


def preprocess_for_inference(
    image: tf.Tensor, resizing: Resizing
) -> tuple[tf.Tensor, tf.Tensor]:
    """Resizes and pads an image, in evaluation and in exported models.

    Args:
      image: `[h, w, 3]` uint8 or float32, 0 to 255.
      resizing: how images are resized and padded.

    Returns:
      `[h', w', 3]` float32, padded on the right and at the bottom, and the [2] int32
      size of the resized image in it.
    """
    resized, padded = inference_sizes(tf.shape(image)[:2], resizing)
    image = tf.raw_ops.ResizeBilinear(
        images=image[tf.newaxis], size=resized, align_corners=True
    )[0]
    return pad(image, padded, resizing.padding), resized


def resize_label(label: tf.Tensor, resized: tf.Tensor) -> tf.Tensor:
    """Resizes a label map, `[h, w]` integers, with nearest-neighbour sampling."""
    rows, columns = (nearest_pixels(tf.shape(label)[a], resized[a]) for a in (0, 1))
    return tf.gather(tf.gather(label, rows), columns, axis=1)


def pad(
    values: tf.Tensor,
    size: tf.Tensor | Sequence[int],
    value: float | Pixel,
    offset: tf.Tensor | Sequence[int] = (0, 0),
) -> tf.Tensor:
    """Pads `[h, w, ...]` with a constant.

    Args:
      values: `[h, w, ...]`, the values to pad.
      size: [2] integers, height and width of the result.
      value: the constant; a pixel is repeated for each frame of an image.
      offset: [2] integers, rows above and columns left of `values`.

    Returns:
      `[*size, ...]`, with the dtype of `values`.
    """
    offset = tf.convert_to_tensor(offset)
    after = tf.convert_to_tensor(size) - offset - tf.shape(values)[:2]
    paddings = tf.pad(
        tf.stack([offset, after], axis=1), [[0, values.shape.rank - 2], [0, 0]]
    )
    if not isinstance(value, tuple):
        padded = tf.pad(values, paddings, constant_values=tf.cast(value, values.dtype))
    elif len(set(value)) == 1:
        return pad(values, size, value[0], offset)
    else:
        inside = tf.pad(tf.ones_like(values, tf.bool), paddings)
        around = tf.cast(value * (known_size(values, 2) // len(value)), values.dtype)
        padded = tf.where(inside, tf.pad(values, paddings), around)
    sides = [None, None] if tf.is_tensor(size) else size
    padded.set_shape([*sides, *values.shape[2:]])
    return padded


def nearest_pixels(size: tf.Tensor, resized: tf.Tensor) -> tf.Tensor:
    """Returns [resized] int32, the nearest source pixels with aligned corners."""
    step = tf.cast(size - 1, tf.float32) / tf.cast(
        tf.maximum(resized - 1, 1), tf.float32
    )
    position = tf.cast(tf.range(resized), tf.float32) * step
    return tf.minimum(tf.cast(tf.floor(position + 0.5), tf.int32), size - 1)


def _pair(values: tuple[int, ...]) -> tuple[int, int] | None:
    """Returns a resize value as (height, width), None if there is no limit."""
    pair = (*values, *values)[:2]
    return (pair[0], pair[1]) if pair and min(pair) > 0 else None


def _scaled(size: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(tf.cast(size, tf.float32) * factor), tf.int32)
