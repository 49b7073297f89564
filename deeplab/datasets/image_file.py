"""Reads image files of any format, and rejects incomplete ones."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

# Lower-case suffixes of the image files of data sets.
IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def read_image(path: Path) -> Image.Image:
    """Reads an image file of any format.

    Raises:
      ValueError: the file is not a complete image.
      FileNotFoundError: the file does not exist.
    """
    data = path.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: not a readable image: {error}") from error
    return image
