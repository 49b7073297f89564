"""The records on disk: one `tf.train.Example` per image, as DeepLab2 lays it out.

Mark Weber et al., "DeepLab2: A TensorFlow Library for Deep Labeling", 2021
(https://arxiv.org/abs/2106.09748). The keys and the published formats are kept; this
is their only home. How a label is stored (see `encoded_label`) is told by
`image/segmentation/class/format` and by the PNG itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from deeplab.core.labels import LabelSpace
from deeplab.data.encoded_label import PNG, RAW, encode_label
from deeplab.data.parsed_label import parse_label
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
# Class of the whole image, from 0, in records for classification.
CLASS_ID = "image/class/label"
_NO_CLASS = -1
# One entry per camera of a multi-camera record: append its name.
CAMERA_IMAGE = "image/encoded/"
CAMERA_NEXT_IMAGE = "next_image/encoded/"
CAMERA_HEIGHT = "image/height/"
CAMERA_WIDTH = "image/width/"
CAMERA_LABEL = "image/segmentation/class/encoded/"
CAMERA_NEXT_LABEL = "next_image/segmentation/class/encoded/"
CAMERA_DEPTH = "image/depth/encoded/"

IMAGE_FORMATS = ("jpeg", "png")

_TEXTS = (
    *(IMAGE, IMAGE_FORMAT, FILENAME, LABEL, LABEL_FORMAT, PREVIOUS_IMAGE, NEXT_IMAGE),
    *(PREVIOUS_LABEL, NEXT_LABEL, SEQUENCE_ID, FRAME_ID, DEPTH, DEPTH_FORMAT),
)
# What `read_example` reads, and the kind of list that holds it.
_KINDS = dict.fromkeys(_TEXTS, "bytes_list") | dict.fromkeys(
    (HEIGHT, WIDTH, CLASS_ID), "int64_list"
)
# Keys of which a multi-camera record has one for each camera.
PER_CAMERA = {
    IMAGE: CAMERA_IMAGE,
    NEXT_IMAGE: CAMERA_NEXT_IMAGE,
    HEIGHT: CAMERA_HEIGHT,
    WIDTH: CAMERA_WIDTH,
    LABEL: CAMERA_LABEL,
    NEXT_LABEL: CAMERA_NEXT_LABEL,
    DEPTH: CAMERA_DEPTH,
}
# How messages call a map.
_WHAT = {
    LABEL: "label",
    PREVIOUS_IMAGE: "previous image",
    PREVIOUS_LABEL: "previous label",
    NEXT_IMAGE: "next image",
    NEXT_LABEL: "next label",
    DEPTH: "depth",
}


@dataclass(frozen=True)
class Wanted:
    """What to read of a record.

    Attributes:
      label: the labels of every frame that is read, and the depth if it is.
      class_id: the class of the image as a whole.
      previous: the frame before.
      next: the frame after.
      depth: the depth of the frame itself.
      cameras: of multi-camera records; empty for records of one camera.
    """

    label: bool = True
    previous: bool = False
    next: bool = False
    depth: bool = False
    class_id: bool = False
    cameras: tuple[str, ...] = ()


def read_example(serialized: bytes, camera: str = "") -> StoredExample:
    """Takes a record apart without decoding image or label, with NumPy only.

    Args:
      serialized: the record.
      camera: which camera of a multi-camera record; its name goes into those of the
        image and the video.

    Raises:
      ValueError: it is no record of an image.
    """
    features = features_of(serialized)
    values: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        key = PER_CAMERA[name] + camera if camera and name in PER_CAMERA else name
        if key in features:
            stored = getattr(features[key], kind).value
            if len(stored) != 1:
                raise ValueError(f"{key} holds {len(stored)} values of type {kind}")
            values[name] = stored[0]
    missing = [key for key in (IMAGE, HEIGHT, WIDTH) if key not in values]
    if missing:
        of_camera = f" of camera {camera!r}" if camera else ""
        raise ValueError(
            f"no {', '.join(missing)}{of_camera}: a record of another program"
        )

    def text(key: str) -> str | None:
        return _text(values[key]) if key in values else None

    suffix = f"_{camera}" if camera else ""
    sequence_id = text(SEQUENCE_ID)
    return StoredExample(
        image=values[IMAGE],
        image_format=text(IMAGE_FORMAT) or "",
        filename=(text(FILENAME) or "") + suffix,
        height=values[HEIGHT],
        width=values[WIDTH],
        label=values.get(LABEL),
        label_format=text(LABEL_FORMAT) or RAW,
        previous_image=values.get(PREVIOUS_IMAGE),
        previous_label=values.get(PREVIOUS_LABEL),
        next_image=values.get(NEXT_IMAGE),
        next_label=values.get(NEXT_LABEL),
        sequence_id=None if sequence_id is None else sequence_id + suffix,
        frame_id=text(FRAME_ID),
        depth=values.get(DEPTH),
        depth_format=text(DEPTH_FORMAT) or RAW,
        class_id=values.get(CLASS_ID),
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
    previous_label: np.ndarray | bytes | None = None,
    next_image: bytes | None = None,
    next_label: np.ndarray | bytes | None = None,
    sequence_id: str | None = None,
    frame_id: str | None = None,
    depth: bytes | None = None,
    class_id: int | None = None,
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
      depth: what `encode_depth` made of a depth map.
      class_id: class of the whole image.

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
        CLASS_ID: class_id,
    }
    features = {k: _feature(v) for k, v in fields.items() if v is not None}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def missing_keys(serialized: bytes, wanted: Wanted) -> list[str]:
    """Returns the keys that `parse_example` would miss in a record.

    Raises:
      ValueError: it is no record of an image.
    """
    features = features_of(serialized)
    keys = [IMAGE]
    keys += [PREVIOUS_IMAGE] * wanted.previous + [NEXT_IMAGE] * wanted.next
    if wanted.label:
        keys += [LABEL, HEIGHT, WIDTH]
        keys += [PREVIOUS_LABEL] * wanted.previous + [NEXT_LABEL] * wanted.next
        keys += [DEPTH] * wanted.depth
    keys += [CLASS_ID] * wanted.class_id
    names = [n for key in keys for n in _stored_names(key, wanted.cameras)]
    return [name for name in names if name not in features]


def parse_example(
    serialized: tf.Tensor,
    labels: LabelSpace | None = None,
    wanted: Wanted = Wanted(),
    camera: tf.Tensor | int = 0,
) -> dict[str, tf.Tensor]:
    """Decodes a serialised record, with TensorFlow operations only.

    Args:
      serialized: scalar string.
      labels: makes panoptic labels of the class ids of a grey label PNG; without it,
        they stay class ids.
      wanted: which parts.
      camera: scalar integer, which of the `wanted.cameras`; its name goes into those
        of the image and the video.

    Returns:
      `image` `[H, W, 3]` uint8, `filename`, `sequence_id` and `frame_id` scalar
      strings (the latter two empty outside videos), and what is wanted of: `label`
      `[H, W]` int32 panoptic labels, `previous_image`, `previous_label`,
      `next_image`, `next_label` likewise, `depth` `[H, W]` int32 in units of 1 / 256
      metre, and `class_id` scalar int32.

    Raises:
      tf.errors.InvalidArgumentError: when run on a record that lacks a key, or
        whose label has neither a known format nor the size of the image; the message
        names the key and the image.
    """
    stored = _StoredTensors(serialized, wanted, camera)
    result = stored.names
    frames = {"": (IMAGE, LABEL)}
    if wanted.previous:
        frames["previous_"] = (PREVIOUS_IMAGE, PREVIOUS_LABEL)
    if wanted.next:
        frames["next_"] = (NEXT_IMAGE, NEXT_LABEL)
    for prefix, (image_key, label_key) in frames.items():
        image = tf.io.decode_image(
            stored.required(image_key), channels=3, expand_animations=False
        )
        image.set_shape([None, None, 3])
        if prefix:
            image = stored.sized_as(result["image"], image, image_key)
        result[f"{prefix}image"] = image
        if wanted.label:
            label = parse_label(
                stored.required(label_key),
                stored.fields[LABEL_FORMAT],
                stored.size,
                labels,
            )
            result[f"{prefix}label"] = stored.sized_as(image, label, label_key)
    if wanted.depth and wanted.label:
        depth = parse_label(
            stored.required(DEPTH), stored.fields[DEPTH_FORMAT], stored.size
        )
        result["depth"] = stored.sized_as(result["image"], depth, DEPTH)
    if wanted.class_id:
        result["class_id"] = tf.cast(stored.required(CLASS_ID), tf.int32)
    return result


class _StoredTensors:
    """The fields of a record as they are stored, of one camera, in a graph."""

    def __init__(self, serialized: tf.Tensor, wanted: Wanted, camera: tf.Tensor | int):
        cameras = wanted.cameras
        keys = [IMAGE, LABEL, PREVIOUS_IMAGE, PREVIOUS_LABEL, NEXT_IMAGE, NEXT_LABEL]
        spec: dict[str, Any] = {
            name: _text_feature()
            for key in [*keys, DEPTH]
            for name in _stored_names(key, cameras)
        }
        spec |= {
            # Without an image name the message of a bad label would name nothing.
            FILENAME: _text_feature("unnamed"),
            # Published records without a format hold raw labels.
            LABEL_FORMAT: _text_feature(RAW),
            DEPTH_FORMAT: _text_feature(RAW),
            SEQUENCE_ID: _text_feature(),
            FRAME_ID: _text_feature(),
            CLASS_ID: tf.io.FixedLenFeature((), tf.int64, _NO_CLASS),
        }
        sides = [n for key in (HEIGHT, WIDTH) for n in _stored_names(key, cameras)]
        spec |= {name: tf.io.FixedLenFeature((), tf.int64, 0) for name in sides}
        fields = tf.io.parse_single_example(serialized, spec)
        for key in [*keys, DEPTH, HEIGHT, WIDTH]:
            names = _stored_names(key, cameras)
            if names != [key]:
                fields[key] = tf.gather(tf.stack([fields[n] for n in names]), camera)
        self.fields = fields
        # [2] int32, what the record says of its height and width.
        self.size = tf.cast([fields[HEIGHT], fields[WIDTH]], tf.int32)
        suffix = tf.constant("")
        if cameras:
            suffix = "_" + tf.gather(tf.constant(cameras), camera)
        sequence_id = fields[SEQUENCE_ID]
        self.names = {
            "filename": fields[FILENAME] + suffix,
            "sequence_id": tf.where(sequence_id == "", "", sequence_id + suffix),
            "frame_id": fields[FRAME_ID],
        }

    def required(self, key: str) -> tf.Tensor:
        """Returns a field that the record must have."""
        message = tf.strings.join(
            ["the record of ", self.names["filename"], f" has no {key}"]
        )
        absent = _NO_CLASS if key == CLASS_ID else ""
        present = tf.debugging.Assert(self.fields[key] != absent, [message])
        with tf.control_dependencies([present]):
            return tf.identity(self.fields[key])

    def sized_as(self, image: tf.Tensor, values: tf.Tensor, key: str) -> tf.Tensor:
        """Returns `values`, which must have the height and width of the image."""
        name = self.names["filename"]
        parts = ["image and ", _WHAT[key], " of ", name, " differ in size"]
        message = tf.strings.join(parts)
        check = tf.debugging.assert_equal(
            tf.shape(image)[:2], tf.shape(values)[:2], message
        )
        with tf.control_dependencies([check]):
            return tf.identity(values)


def _stored_names(key: str, cameras: tuple[str, ...]) -> list[str]:
    """Returns the keys under which a field is stored, one for each camera."""
    if not cameras or key not in PER_CAMERA:
        return [key]
    return [PER_CAMERA[key] + camera for camera in cameras]


def features_of(serialized: bytes) -> Mapping[str, tf.train.Feature]:
    """Returns the fields of a record; raises ValueError if it is none."""
    try:
        return tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError("no tf.train.Example: a record of another program") from error


def _text_feature(default: str = "") -> tf.io.FixedLenFeature:
    return tf.io.FixedLenFeature((), tf.string, default)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _feature(value: bytes | str | int) -> tf.train.Feature:
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    data = value.encode() if isinstance(value, str) else value
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
