"""The records on disk: one `tf.train.Example` per image, as DeepLab2 lays it out.

Mark Weber et al., "DeepLab2: A TensorFlow Library for Deep Labeling", 2021
(https://arxiv.org/abs/2106.09748). The keys and the published formats are kept; this
is their only home. How a label is stored (see `encoded_label`) is told by
`image/segmentation/class/format` and by the PNG itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from deeplab.data.encoded_label import PNG, RAW, RGB_BITS, encode_label
from deeplab.data.stored_example import StoredExample

IMAGE = "image/encoded"
PREVIOUS_IMAGE = "prev_image/encoded"
NEXT_IMAGE = "next_image/encoded"
FILENAME = "image/filename"
IMAGE_FORMAT = "image/format"
HEIGHT = "image/height"
WIDTH = "image/width"
CHANNELS = "image/channels"
LABEL = "image/segmentation/class/encoded"
PREVIOUS_LABEL = "prev_image/segmentation/class/encoded"
NEXT_LABEL = "next_image/segmentation/class/encoded"
LABEL_FORMAT = "image/segmentation/class/format"
SEQUENCE_ID = "video/sequence_id"
FRAME_ID = "video/frame_id"
DEPTH = "image/depth/encoded"
DEPTH_FORMAT = "image/depth/format"
# One entry per camera of a multi-camera record: append its name.
CAMERA_IMAGE = "image/encoded/"
CAMERA_NEXT_IMAGE = "next_image/encoded/"
CAMERA_HEIGHT = "image/height/"
CAMERA_WIDTH = "image/width/"
CAMERA_LABEL = "image/segmentation/class/encoded/"
CAMERA_NEXT_LABEL = "next_image/segmentation/class/encoded/"
CAMERA_DEPTH = "image/depth/encoded/"

IMAGE_FORMATS = ("jpeg", "png")

# Colour type of a PNG file, in byte 25 of its header.
_GREY, _RGB, _RGBA = b"\x00", b"\x02", b"\x06"
# What `read_example` reads, and the kind of list that holds it.
_KINDS = {
    IMAGE: "bytes_list",
    IMAGE_FORMAT: "bytes_list",
    FILENAME: "bytes_list",
    HEIGHT: "int64_list",
    WIDTH: "int64_list",
    LABEL: "bytes_list",
    LABEL_FORMAT: "bytes_list",
}


def read_example(serialized: bytes) -> StoredExample:
    """Takes a record apart without decoding image or label, with NumPy only.

    Raises:
      ValueError: it is no record of an image.
    """
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError("no tf.train.Example: a record of another program") from error
    values: dict[str, Any] = {}
    for key, kind in _KINDS.items():
        if key in features:
            stored = getattr(features[key], kind).value
            if len(stored) != 1:
                raise ValueError(f"{key} holds {len(stored)} values of type {kind}")
            values[key] = stored[0]
    missing = [key for key in (IMAGE, HEIGHT, WIDTH) if key not in values]
    if missing:
        raise ValueError(f"no {', '.join(missing)}: a record of another program")
    return StoredExample(
        image=values[IMAGE],
        image_format=_text(values.get(IMAGE_FORMAT, b"")),
        filename=_text(values.get(FILENAME, b"")),
        height=values[HEIGHT],
        width=values[WIDTH],
        label=values.get(LABEL),
        label_format=_text(values.get(LABEL_FORMAT, RAW.encode())),
    )


def encode_example(
    *,
    image: bytes,
    image_format: str,
    filename: str,
    height: int,
    width: int,
    label: np.ndarray | bytes | None = None,
    previous_image: bytes | None = None,
    previous_label: np.ndarray | None = None,
    next_image: bytes | None = None,
    next_label: np.ndarray | None = None,
    sequence_id: str | None = None,
    frame_id: str | None = None,
    depth: bytes | None = None,
) -> bytes:
    """Returns a serialised record.

    Args:
      image: an 8-bit RGB JPEG or PNG file.
      image_format: "jpeg" or "png".
      filename: name that predictions of the image will carry.
      height: rows of the image.
      width: columns of the image.
      label: `[height, width]` integer panoptic labels, or what `encode_label` made
        of them; absent for test images.
      previous_image: the frame before, in the same format.
      previous_label: its labels.
      next_image: the frame after, in the same format.
      next_label: its labels.
      sequence_id: name of the video.
      frame_id: name of the frame in it.
      depth: a 16-bit grey PNG file: 256 times the metres, 0 where unknown.

    Raises:
      ValueError: the format is unknown, or a label differs in size from the image.
    """
    if image_format not in IMAGE_FORMATS:
        raise ValueError(
            f"image format {image_format!r}: choose one of {IMAGE_FORMATS}"
        )
    labels = {LABEL: label, PREVIOUS_LABEL: previous_label, NEXT_LABEL: next_label}
    labels = {key: value for key, value in labels.items() if value is not None}
    for key, value in labels.items():
        if isinstance(value, np.ndarray) and value.shape != (height, width):
            raise ValueError(
                f"{filename}: the image is {height} x {width}, but {key} is "
                f"{' x '.join(map(str, value.shape))}"
            )
    fields: dict[str, Any] = {
        IMAGE: image,
        IMAGE_FORMAT: image_format,
        FILENAME: filename,
        HEIGHT: height,
        WIDTH: width,
        CHANNELS: 3,
        **{
            key: value if isinstance(value, bytes) else encode_label(value)
            for key, value in labels.items()
        },
        LABEL_FORMAT: PNG if labels else None,
        PREVIOUS_IMAGE: previous_image,
        NEXT_IMAGE: next_image,
        SEQUENCE_ID: sequence_id,
        FRAME_ID: frame_id,
        DEPTH: depth,
        DEPTH_FORMAT: None if depth is None else PNG,
    }
    features = {k: _feature(v) for k, v in fields.items() if v is not None}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def parse_example(
    serialized: tf.Tensor, label_divisor: int = 1000, with_label: bool = True
) -> dict[str, tf.Tensor]:
    """Decodes a serialised record, with TensorFlow operations only.

    Args:
      serialized: scalar string.
      label_divisor: makes labels of the class ids of a grey label PNG.
      with_label: whether to decode the label; False for records without labels.

    Returns:
      `image` `[H, W, 3]` uint8, `filename` scalar string, and `label` `[H, W]`
      int32 panoptic labels if `with_label`.

    Raises:
      tf.errors.InvalidArgumentError: when run on a record that lacks a key, or
        whose label has neither a known format nor the size of the image.
    """
    string = tf.io.FixedLenFeature((), tf.string)
    number = tf.io.FixedLenFeature((), tf.int64)
    # Without an image name the message of a bad label would name nothing.
    spec = {IMAGE: string, FILENAME: tf.io.FixedLenFeature((), tf.string, "unnamed")}
    if with_label:
        # Published records without a format hold raw labels.
        known = tf.io.FixedLenFeature((), tf.string, RAW)
        spec |= {LABEL: string, LABEL_FORMAT: known, HEIGHT: number, WIDTH: number}
    fields = tf.io.parse_single_example(serialized, spec)
    image = tf.io.decode_image(fields[IMAGE], channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    result = {"image": image, "filename": fields[FILENAME]}
    if with_label:
        size = tf.cast([fields[HEIGHT], fields[WIDTH]], tf.int32)
        label = _parse_label(fields[LABEL], fields[LABEL_FORMAT], size, label_divisor)
        message = tf.strings.join(
            ["image and label of ", fields[FILENAME], " differ in size"]
        )
        with tf.control_dependencies(
            [tf.debugging.assert_equal(tf.shape(image)[:2], tf.shape(label), message)]
        ):
            result["label"] = tf.identity(label)
    return result


def _parse_label(
    encoded: tf.Tensor, label_format: tf.Tensor, size: tf.Tensor, label_divisor: int
) -> tf.Tensor:
    """Returns the `[H, W]` int32 labels of any known format."""

    def raw() -> tf.Tensor:
        return tf.reshape(tf.io.decode_raw(encoded, tf.int32), size)

    def png() -> tf.Tensor:
        return _parse_png(encoded, label_divisor)

    def unknown() -> tf.Tensor:
        message = ["unknown label format", label_format]
        with tf.control_dependencies([tf.debugging.Assert(False, message)]):
            return tf.zeros(size, tf.int32)

    cases = [(tf.equal(label_format, RAW), raw), (tf.equal(label_format, PNG), png)]
    label = tf.case(cases, default=unknown, exclusive=True)
    label.set_shape([None, None])
    return label


def _parse_png(encoded: tf.Tensor, label_divisor: int) -> tf.Tensor:
    """Returns the `[H, W]` int32 labels of a PNG."""
    depth = tf.strings.substr(encoded, 24, 1)
    color_type = tf.strings.substr(encoded, 25, 1)

    def color() -> tf.Tensor:
        # Four bytes are one int32 as they stand: no arithmetic per channel.
        labels = tf.bitcast(tf.io.decode_png(encoded, channels=4), tf.int32)
        bits = tf.where(tf.equal(color_type, _RGBA), -1, RGB_BITS)
        return tf.bitwise.bitwise_and(labels, bits)

    def grey() -> tf.Tensor:
        # Eight bits come out times 257 when sixteen are asked for.
        pixels = tf.io.decode_png(encoded, channels=1, dtype=tf.uint16)[..., 0]
        pixels = tf.cast(pixels, tf.int32)
        pixels = tf.where(tf.equal(depth, b"\x10"), pixels, pixels // 257)
        return pixels * label_divisor

    def unknown() -> tf.Tensor:
        message = ["a label PNG is grey, RGB or RGBA, not of colour type", color_type]
        with tf.control_dependencies([tf.debugging.Assert(False, message)]):
            return tf.zeros([0, 0], tf.int32)

    is_color = tf.equal(color_type, _RGB) | tf.equal(color_type, _RGBA)
    cases = [(is_color, color), (tf.equal(color_type, _GREY), grey)]
    return tf.case(cases, default=unknown, exclusive=True)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _feature(value: bytes | str | int) -> tf.train.Feature:
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    data = value.encode() if isinstance(value, str) else value
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
