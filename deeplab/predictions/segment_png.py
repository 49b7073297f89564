"""Writes PNGs of segment ids in COCO's format; `datasets.panoptic_png` reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.atomic_file import atomic_file

MAX_ID = 2**24 - 1


def write_segment_ids(path: Path, ids: np.ndarray) -> None:
    """Writes ids as RGB: r + 256 g + 65536 b.

    Args:
      path: the file.
      ids: `[h, w]` integers, 0 to `MAX_ID`.

    Raises:
      OSError: the file cannot be written.
    """
    rgb = np.stack([ids >> shift & 255 for shift in (0, 8, 16)], -1)
    with atomic_file(path) as file:
        Image.fromarray(rgb.astype(np.uint8)).save(file, "PNG")
