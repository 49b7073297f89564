"""Pixels from -1 to 1, as for DeepLab2 and its predecessors."""

from __future__ import annotations

import tensorflow as tf

from deeplab.input_normalization import INPUT_NORMALIZATIONS


class MinusOneToOne:
    """Maps 0 to 255 to -1 to 1; see `InputNormalization`."""

    mean_pixel = (127.5, 127.5, 127.5)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Normalises images; see `InputNormalization`."""
        return tf.cast(images, tf.float32) / 127.5 - 1.0


INPUT_NORMALIZATIONS.register("deeplab")(MinusOneToOne())
