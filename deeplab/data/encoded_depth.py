"""Depth maps as records hold them; without TensorFlow, for worker processes.

Both formats hold 256 times the metres, 0 where unknown:
raw: little-endian int32, row by row. Published records; read only.
png: grey of 16 bits. What is written here: lossless, up to 255.99 metres.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from deeplab.data.encoded_label import decode_label

# Stored units in a metre.
UNITS = 256
_LARGEST = 2**16 - 1


def encode_depth(depth: np.ndarray) -> bytes:
    """Returns a depth map as a grey PNG of 16 bits.

    Args:
      depth: `[H, W]` floats, metres, 0 where unknown; rounded to 1 / 256 metre.

    Raises:
      ValueError: the array is no depth map, or a depth is negative, not finite or
        beyond 255.99 metres.
    """
    if depth.ndim != 2 or depth.dtype.kind != "f" or not depth.size:
        raise ValueError(
            f"a depth map is [H, W] floats, not {depth.dtype}{list(depth.shape)}"
        )
    units = np.rint(depth.astype(np.float64) * UNITS)
    if not (np.isfinite(units).all() and 0 <= units.min() <= units.max() <= _LARGEST):
        raise ValueError(
            f"depths reach from {depth.min()} to {depth.max()} metres, outside 0 to "
            f"{_LARGEST / UNITS:.2f}"
        )
    buffer = io.BytesIO()
    Image.fromarray(units.astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def decode_depth(
    encoded: bytes, depth_format: str, height: int, width: int
) -> np.ndarray:
    """Returns the `[height, width]` float32 metres of a record, with NumPy.

    Args:
      encoded: the content of the record's depth.
      depth_format: "raw" or "png".
      height: rows of the image.
      width: columns of the image.

    Raises:
      ValueError: the bytes are no depth map of that size.
    """
    try:
        units = decode_label(encoded, depth_format, height, width)
    except ValueError as error:
        raise ValueError(f"depth: {str(error).replace('label', 'map')}") from error
    return units.astype(np.float32) / np.float32(UNITS)
