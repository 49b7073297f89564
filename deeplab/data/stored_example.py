"""One record in plain Python values; without TensorFlow, for worker processes."""

from __future__ import annotations

from typing import NamedTuple

from deeplab.data.encoded_image import encoded_rgb
from deeplab.data.encoded_label import PNG, encode_label
from deeplab.datasets.base import RawImage


class StoredExample(NamedTuple):
    """The fields of a record as they are stored."""

    # An 8-bit RGB file.
    image: bytes
    # "jpeg" or "png".
    image_format: str
    filename: str
    height: int
    width: int
    # None where there is no label.
    label: bytes | None
    # "png" or "raw", see `encoded_label`.
    label_format: str


def stored_example(raw: RawImage) -> StoredExample:
    """Reads a raw image and its label, and encodes both.

    Raises:
      ValueError: the image is broken, or its label is, or has another size.
      OSError: a file cannot be read.
    """
    loaded = raw.load()
    image = encoded_rgb(loaded.image, raw.source)
    label = loaded.label
    size = (image.height, image.width)
    if label is not None and label.shape != size:
        turned = label.shape == size[::-1] != size
        raise ValueError(
            f"{raw.source}: the image is {image.height} x {image.width}, but its label "
            f"is {' x '.join(map(str, label.shape))}"
            + ("; does a note in the file ask to rotate it?" if turned else "")
        )
    try:
        encoded = None if label is None else encode_label(label)
    except ValueError as error:
        raise ValueError(f"{raw.source}: {error}") from error
    return StoredExample(
        image=image.data,
        image_format=image.format,
        filename=raw.name,
        height=image.height,
        width=image.width,
        label=encoded,
        label_format=PNG,
    )
