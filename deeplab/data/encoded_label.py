"""Label maps as stored in records; without TensorFlow, for worker processes.

raw: panoptic labels as little-endian int32, row by row. Used by published records;
  read only.
png, RGB: label = r + 256 g + 65536 b. The format written here: lossless, and about
  a hundredth of the size of raw.
png, RGBA: label = r + 256 g + 65536 b + 2^24 a, where 24 bits are not enough.
png, 8-bit or 16-bit grey: class ids without instances. Used by published semantic
  records; read only.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from deeplab.core.labels import LabelSpace

RAW = "raw"
PNG = "png"
# Mask of the three colour bytes of a packed RGB pixel.
RGB_BITS = 0xFFFFFF


def encode_label(label: np.ndarray) -> bytes:
    """Encodes a panoptic label map as a lossless PNG.

    Args:
      label: `[H, W]` integers, 0 to 2^31 - 1.

    Raises:
      ValueError: the array is not a label map, or a label is negative or too large.
    """
    if label.ndim != 2 or label.dtype.kind not in "iu" or not label.size:
        raise ValueError(
            f"a label map has to be [H, W] integers, not {label.dtype}"
            f"{list(label.shape)}"
        )
    low, high = int(label.min()), int(label.max())
    if low < 0 or high > np.iinfo(np.int32).max:
        raise ValueError(f"labels range from {low} to {high}, outside 0 to 2^31 - 1")
    channels = np.ascontiguousarray(label, "<i4").view(np.uint8)
    channels = channels.reshape(*label.shape, 4)
    if high <= RGB_BITS:
        channels = np.ascontiguousarray(channels[..., :3])
    buffer = io.BytesIO()
    Image.fromarray(channels).save(buffer, "PNG")
    return buffer.getvalue()


def decode_label(
    encoded: bytes,
    label_format: str,
    height: int,
    width: int,
    labels: LabelSpace | None = None,
) -> np.ndarray:
    """Decodes the label map of a record with NumPy.

    Args:
      encoded: content of the record's label field.
      label_format: `RAW` or `PNG`.
      height: rows of the image.
      width: columns of the image.
      labels: converts the class ids of a grey PNG to panoptic labels; without it, the
        values of a grey PNG are returned unchanged.

    Returns:
      `[height, width]` int32 panoptic labels.

    Raises:
      ValueError: the bytes are not a label map of that size.
    """
    if label_format == RAW:
        if len(encoded) != 4 * height * width:
            raise ValueError(
                f"the label has {len(encoded)} bytes; an image of {height} x {width} "
                f"needs {4 * height * width}"
            )
        return np.frombuffer(encoded, "<i4").reshape(height, width)
    if label_format != PNG:
        raise ValueError(
            f"label format {label_format!r} is unknown; known: {PNG}, {RAW}"
        )
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.load()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the label is not a readable PNG: {error}") from error
    if image.size != (width, height):
        raise ValueError(
            f"the label is {image.height} x {image.width}, the image is "
            f"{height} x {width}"
        )
    if image.mode in ("RGB", "RGBA"):
        # With a fourth byte, each pixel is one int32 in memory.
        layout = "RGBX" if image.mode == "RGB" else "RGBA"
        packed = np.frombuffer(image.tobytes("raw", layout), "<i4")
        bits = RGB_BITS if image.mode == "RGB" else -1
        return (packed & np.int32(bits)).reshape(height, width)
    if image.mode not in ("1", "L", "I;16", "I"):
        raise ValueError(f"a label PNG is grey, RGB or RGBA, not {image.mode}")
    values = np.asarray(image).astype(np.int32)
    return values if labels is None else labels.encode(values, 0)
