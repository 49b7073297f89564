"""What an input normalisation is, and the usual one: mean and deviation by channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from deeplab.ops.masks import known_size

Pixel = tuple[float, float, float]


class InputNormalization(Protocol):
    """Brings pixels to the range that a network was trained with.

    Attributes:
      mean_pixel: red, green and blue, 0 to 255, of the pixel that becomes zero:
        images are padded with it.
    """

    mean_pixel: Pixel

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Normalises images.

        Args:
          images: `[b, h, w, c]` float32 or uint8, 0 to 255: RGB frames one after the
            other, then further channels if there are any.

        Returns:
          The same shape, float32.
        """
        ...


class PerChannel:
    """Subtracts a mean from each channel and divides by a deviation.

    Channels that belong to no RGB frame go from -1 to 1.
    """

    def __init__(
        self, mean_pixel: Pixel, deviation: Sequence[float], *, reverses: bool = False
    ):
        """Makes the normalisation.

        Args:
          mean_pixel: red, green and blue, 0 to 255.
          deviation: what the differences are divided by, in the same order.
          reverses: whether the network sees blue, green and red.
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
