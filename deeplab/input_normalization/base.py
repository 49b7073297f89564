"""The interface of input normalisations, and the usual one: per-channel statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from deeplab.ops.masks import known_size

Pixel = tuple[float, float, float]


class InputNormalization(Protocol):
    """Maps pixels to the range that a network was trained with.

    Attributes:
      mean_pixel: red, green and blue, 0 to 255, of the pixel that is mapped to zero.
        Images are padded with it.
    """

    mean_pixel: Pixel

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Normalises images.

        Args:
          images: `[b, h, w, c]` float32 or uint8, 0 to 255: one or more RGB frames,
            then any other channels.

        Returns:
          Float32 images of the same shape.
        """
        ...


class PerChannel:
    """Subtracts a mean from each channel and divides by a standard deviation.

    Channels beyond the RGB frames are mapped from 0 to 255 to -1 to 1.
    """

    def __init__(
        self, mean_pixel: Pixel, deviation: Sequence[float], *, reverses: bool = False
    ):
        """Creates the normalisation.

        Args:
          mean_pixel: mean of red, green and blue, 0 to 255.
          deviation: standard deviation of red, green and blue.
          reverses: whether to reverse the channels to blue, green, red.
        """
        self.mean_pixel = mean_pixel
        self._deviation = tuple(deviation)
        self._reverses = reverses

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Normalises images; see `InputNormalization`."""
        images = tf.cast(images, tf.float32)
        frames, further = divmod(known_size(images, -1), 3)
        parts = tf.split(images, [3] * frames + [further], axis=-1)
        normalized = [self._frame(frame) for frame in parts[:frames]]
        return tf.concat([*normalized, parts[-1] / 127.5 - 1.0], axis=-1)

    def _frame(self, frame: tf.Tensor) -> tf.Tensor:
        values = (frame - tf.constant(self.mean_pixel)) / tf.constant(self._deviation)
        return tf.reverse(values, [-1]) if self._reverses else values
