"""Label maps as records hold them; without TensorFlow, for worker processes.

raw: little-endian int32, row by row: panoptic labels. Published records; read only.
png, RGB: label = r + 256 g + 65536 b. What is written here: lossless, and about
  a hundredth of raw.
png, RGBA: label = r + 256 g + 65536 b + 2^24 a, where 24 bits are too few.
png, grey of 8 or 16 bits: class ids without instances. Published semantic
  records; read only.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from deeplab.core.labels import LabelSpace

RAW = "raw"
PNG = "png"
# What is left of the four bytes of an RGB pixel.
RGB_BITS = 0xFFFFFF


def encode_label(label: np.ndarray) -> bytes:
    """Returns a panoptic label map as a lossless PNG.

    Args:
      label: `[H, W]` integers, 0 to 2^31 - 1.

    Raises:
      ValueError: the array is no label map, or a label is negative or too large.
    """
    if label.ndim != 2 or label.dtype.kind not in "iu" or not label.size:
        raise ValueError(
            f"a label map is [H, W] integers, not {label.dtype}{list(label.shape)}"
        )
    low, high = int(label.min()), int(label.max())
    if low < 0 or high > np.iinfo(np.int32).max:
        raise ValueError(f"labels reach from {low} to {high}, outside 0 to 2^31 - 1")
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
    """Returns the `[height, width]` int32 panoptic labels of a record, with NumPy.

    Args:
      encoded: the content of the record's label.
      label_format: `RAW` or `PNG`.
      height: rows of the image.
      width: columns of the image.
      labels: makes panoptic labels of the class ids of a grey PNG; without it, the
        values of a grey PNG stay as they are.

    Raises:
      ValueError: the bytes are no label of that size.
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
        # A fourth byte makes a pixel an int32 as it stands.
        layout = "RGBX" if image.mode == "RGB" else "RGBA"
        packed = np.frombuffer(image.tobytes("raw", layout), "<i4")
        bits = RGB_BITS if image.mode == "RGB" else -1
        return (packed & np.int32(bits)).reshape(height, width)
    if image.mode not in ("1", "L", "I;16", "I"):
        raise ValueError(f"a label PNG is grey, RGB or RGBA, not {image.mode}")
    values = np.asarray(image).astype(np.int32)
    return values if labels is None else labels.encode(values, 0)
