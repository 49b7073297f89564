"""Image files of any kind, whole or refused."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

# Endings, in small letters, of the images of data sets.
IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def read_image(path: Path) -> Image.Image:
    """Reads an image file of any kind.

    Raises:
      ValueError: the file is no whole image.
      FileNotFoundError: there is no such file.
    """
    data = path.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: not a readable image: {error}") from error
    return image
