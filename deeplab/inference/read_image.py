"""Reading of images given as files, Pillow images or arrays."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.data.encoded_image import as_rgb, encoded_rgb

AnyImage = str | os.PathLike[str] | Image.Image | np.ndarray

_CHANNELS = (1, 3, 4)


def read_image(image: AnyImage) -> np.ndarray:
    """Returns an image as `[H, W, 3]` uint8.

    Files are decoded as in the input pipeline. Grey values are repeated, alpha is
    dropped, and 16-bit values keep their upper 8 bits. EXIF rotations are not applied.

    Args:
      image: a path, a Pillow image, or an array `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or
        `[H, W, 4]`, uint8 or uint16.

    Raises:
      ValueError: the file is damaged, or the array is not an image.
      OSError: the file cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _rgb_array(image)
    if isinstance(image, Image.Image):
        return np.asarray(as_rgb(image, "image"))
    path = Path(image)
    encoded = encoded_rgb(path.read_bytes(), str(path))
    try:
        decoded = tf.io.decode_image(encoded.data, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"{path}: not a readable image: {error.message}") from error
    return decoded.numpy()


def _rgb_array(image: np.ndarray) -> np.ndarray:
    pixels = image[..., None] if image.ndim == 2 else image
    if (
        pixels.ndim != 3
        or pixels.shape[-1] not in _CHANNELS
        or not pixels.size
        or pixels.dtype not in (np.uint8, np.uint16)
    ):
        raise ValueError(
            "an image must be [H, W, 3] uint8, 0 to 255, but is "
            f"{list(image.shape)} {image.dtype}"
        )
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    channels = (0, 0, 0) if pixels.shape[-1] == 1 else (0, 1, 2)
    return np.ascontiguousarray(pixels[..., channels])
