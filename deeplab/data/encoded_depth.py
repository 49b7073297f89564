"""Depth maps as stored in records; without TensorFlow, for worker processes.

Both formats store depth in units of 1 / 256 metre, 0 where it is unknown:
raw: little-endian int32, row by row. Used by published records; read only.
png: 16-bit grey, lossless, up to 255.99 metres. The format written here.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from deeplab.data.encoded_label import decode_label

# Stored units per metre.
UNITS = 256
_LARGEST = 2**16 - 1


def encode_depth(depth: np.ndarray) -> bytes:
    """Encodes a depth map as a 16-bit grey PNG.

    Args:
      depth: `[H, W]` floats, metres, 0 where unknown; rounded to 1 / 256 metre.

    Raises:
      ValueError: the array is not a depth map, or a depth is negative, not finite or
        greater than 255.99 metres.
    """
    if depth.ndim != 2 or depth.dtype.kind != "f" or not depth.size:
        raise ValueError(
            f"a depth map has to be [H, W] floats, not {depth.dtype}{list(depth.shape)}"
        )
    units = np.rint(depth.astype(np.float64) * UNITS)
    if not (np.isfinite(units).all() and 0 <= units.min() <= units.max() <= _LARGEST):
        raise ValueError(
            f"depths range from {depth.min()} to {depth.max()} metres; only 0 to "
            f"{_LARGEST / UNITS:.2f} can be stored"
        )
    buffer = io.BytesIO()
    Image.fromarray(units.astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def decode_depth(
    encoded: bytes, depth_format: str, height: int, width: int
) -> np.ndarray:
    """Decodes the depth map of a record with NumPy.

    Args:
      encoded: content of the record's depth field.
      depth_format: "raw" or "png".
      height: rows of the image.
      width: columns of the image.

    Returns:
      `[height, width]` float32, metres.

    Raises:
      ValueError: the bytes are not a depth map of that size.
    """
    try:
        units = decode_label(encoded, depth_format, height, width)
    except ValueError as error:
        raise ValueError(f"depth: {str(error).replace('label', 'map')}") from error
    return units.astype(np.float32) / np.float32(UNITS)
