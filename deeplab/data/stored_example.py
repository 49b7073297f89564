"""A record as plain Python values; without TensorFlow, for worker processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from deeplab.data.encoded_depth import encode_depth
from deeplab.data.encoded_image import EncodedImage, encoded_rgb
from deeplab.data.encoded_label import PNG, encode_label
from deeplab.datasets.base import LoadedFrame, LoadedImage, RawImage


class StoredExample(NamedTuple):
    """The fields of a record, as stored."""

    # An 8-bit RGB image file.
    image: bytes
    # "jpeg" or "png".
    image_format: str
    filename: str
    height: int
    width: int
    # None if there is no label.
    label: bytes | None
    # "png" or "raw", see `encoded_label`.
    label_format: str
    # The previous and next frames, and their labels in `label_format`.
    previous_image: bytes | None = None
    previous_label: bytes | None = None
    next_image: bytes | None = None
    next_label: bytes | None = None
    # Names of the video and of the frame in it; None outside videos.
    sequence_id: str | None = None
    frame_id: str | None = None
    # None if there is no depth.
    depth: bytes | None = None
    # "png" or "raw", see `encoded_depth`.
    depth_format: str = PNG
    # Class of the whole image; None if it has none.
    class_id: int | None = None
    # The camera of a multi-camera record, and the images of its other cameras.
    camera: str = ""
    others: tuple[StoredExample, ...] = ()


def stored_example(raw: RawImage) -> StoredExample:
    """Reads and encodes a raw image with its labels, depth and neighbouring frames.

    Raises:
      ValueError: an image, label or depth map is corrupt, or their sizes differ.
      OSError: a file cannot be read.
    """
    return _stored(raw.load(), raw.name, raw.source)


def _stored(loaded: LoadedImage, name: str, source: str) -> StoredExample:
    others = tuple(_stored(other, name, source) for other in loaded.others)
    if loaded.camera:
        source += f", camera {loaded.camera}"
    image = encoded_rgb(loaded.image, source)
    size = (image.height, image.width)
    previous, following = (
        _encoded_frame(frame, image, f"{source}, the {which} frame")
        for frame, which in ((loaded.previous, "previous"), (loaded.next, "next"))
    )
    depth = loaded.depth
    if depth is not None:
        _check_size(size, depth, "depth", source)
    return StoredExample(
        image=image.data,
        image_format=image.format,
        filename=name,
        height=image.height,
        width=image.width,
        label=_encoded_label(loaded.label, size, source),
        label_format=PNG,
        previous_image=previous[0],
        previous_label=previous[1],
        next_image=following[0],
        next_label=following[1],
        sequence_id=loaded.sequence_id,
        frame_id=loaded.frame_id,
        depth=_encoded(encode_depth, depth, source),
        class_id=loaded.class_id,
        camera=loaded.camera,
        others=others,
    )


def _encoded_frame(
    frame: LoadedFrame | None, image: EncodedImage, source: str
) -> tuple[bytes | None, bytes | None]:
    """Returns the image and the label of a neighbouring frame, None if absent."""
    if frame is None:
        return None, None
    neighbour = encoded_rgb(frame.image, source)
    size = (neighbour.height, neighbour.width)
    if size != (image.height, image.width):
        raise ValueError(
            f"{source} is {neighbour.height} x {neighbour.width}, the image is "
            f"{image.height} x {image.width}"
        )
    return neighbour.data, _encoded_label(frame.label, size, source)


def _encoded_label(
    label: np.ndarray | None, size: tuple[int, int], source: str
) -> bytes | None:
    if label is None:
        return None
    _check_size(size, label, "label", source)
    return _encoded(encode_label, label, source)


def _encoded(
    encode: Callable[[np.ndarray], bytes], values: np.ndarray | None, source: str
) -> bytes | None:
    if values is None:
        return None
    try:
        return encode(values)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def _check_size(
    size: tuple[int, int], values: np.ndarray, kind: str, source: str
) -> None:
    if values.shape != size:
        turned = values.shape == size[::-1] != size
        raise ValueError(
            f"{source}: the image is {size[0]} x {size[1]}, but its {kind} is "
            f"{' x '.join(map(str, values.shape))}"
            + ("; does the file's metadata rotate it?" if turned else "")
        )
