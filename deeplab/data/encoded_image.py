"""Converts image files of any kind to the 8-bit RGB JPEG or PNG of records."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

# Byte 24 of a PNG file is its bit depth, byte 25 its colour type: 8 bits, RGB.
_RGB8 = b"\x08\x02"


class EncodedImage(NamedTuple):
    """An 8-bit RGB image file."""

    data: bytes
    # "jpeg" or "png".
    format: str
    height: int
    width: int


def encoded_rgb(data: bytes, source: str) -> EncodedImage:
    """Returns an image file as an 8-bit RGB JPEG or PNG file.

    The bytes of an 8-bit RGB JPEG or PNG are kept. Other files (grey, palette, alpha,
    16 bits, CMYK, TIFF, ...) become a PNG; alpha is dropped, and of 16 bits the upper 8
    are kept. A rotation in the file's metadata is not applied, because labels refer to
    the stored pixels.

    Args:
      data: content of the file.
      source: name of the file, for error messages.

    Raises:
      ValueError: the file is corrupt or cannot be converted to RGB.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except UnidentifiedImageError as error:
        raise ValueError(f"{source}: not an image of a known format") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{source}: not a readable image: {error}") from error
    width, height = image.size
    if image.format in ("JPEG", "MPO") and image.mode == "RGB":
        return EncodedImage(data, "jpeg", height, width)
    if image.format == "PNG" and data[24:26] == _RGB8:
        return EncodedImage(data, "png", height, width)
    buffer = io.BytesIO()
    as_rgb(image, source).save(buffer, "PNG")
    return EncodedImage(buffer.getvalue(), "png", height, width)


def as_rgb(image: Image.Image, source: str) -> Image.Image:
    """Converts a Pillow image of any mode to 8-bit RGB.

    Raises:
      ValueError: its pixels have 32 bits, so their range is unknown.
    """
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(
            f"{source}: {image.format} with 32-bit pixels (mode {image.mode}); "
            "save it with 8 bits per channel"
        )
    return image.convert("RGB")
