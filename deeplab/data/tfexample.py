"""The records on disk: one `tf.train.Example` per image, in DeepLab2's layout.

Mark Weber et al., "DeepLab2: A TensorFlow Library for Deep Labeling", 2021
(https://arxiv.org/abs/2106.09748). The keys and the published formats are unchanged,
and defined only here. `image/segmentation/class/format` and the PNG itself determine
how a label is stored (see `encoded_label`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from deeplab.data.encoded_label import PNG, RAW, encode_label
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
# Class of the whole image, from 0, in classification records.
CLASS_ID = "image/class/label"
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
# The keys that `read_example` reads, and the types of their lists.
_KINDS = dict.fromkeys(_TEXTS, "bytes_list") | dict.fromkeys(
    (HEIGHT, WIDTH, CLASS_ID), "int64_list"
)
# Keys that a multi-camera record has once for each camera.
PER_CAMERA = {
    IMAGE: CAMERA_IMAGE,
    NEXT_IMAGE: CAMERA_NEXT_IMAGE,
    HEIGHT: CAMERA_HEIGHT,
    WIDTH: CAMERA_WIDTH,
    LABEL: CAMERA_LABEL,
    NEXT_LABEL: CAMERA_NEXT_LABEL,
    DEPTH: CAMERA_DEPTH,
}


def read_example(serialized: bytes, camera: str = "") -> StoredExample:
    """Parses a record without decoding the image or the label, eagerly.

    Args:
      serialized: the record.
      camera: camera of a multi-camera record; its name is appended to the names of the
        image and the video.

    Raises:
      ValueError: `serialized` is not a record of an image.
    """
    features = features_of(serialized)
    values: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        key = PER_CAMERA[name] + camera if camera and name in PER_CAMERA else name
        if key in features:
            stored = getattr(features[key], kind).value
            if len(stored) != 1:
                raise ValueError(f"{key} has {len(stored)} {kind} values instead of 1")
            values[name] = stored[0]
    missing = [key for key in (IMAGE, HEIGHT, WIDTH) if key not in values]
    if missing:
        of_camera = f" of camera {camera!r}" if camera else ""
        raise ValueError(
            f"no {', '.join(missing)}{of_camera}: not a record of this library"
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
      filename: name of the image, which its predictions will have as well.
      height: rows of the image.
      width: columns of the image.
      label: `[height, width]` integer panoptic labels, or the result of `encode_label`;
        None for test images.
      previous_image: the previous frame, in the same format.
      previous_label: labels of the previous frame.
      next_image: the next frame, in the same format.
      next_label: labels of the next frame.
      sequence_id: name of the video.
      frame_id: name of the frame in the video.
      depth: a depth map, encoded by `encode_depth`.
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


def features_of(serialized: bytes) -> Mapping[str, tf.train.Feature]:
    """Returns the fields of a record; raises ValueError if it is not one."""
    try:
        return tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError(
            "not a tf.train.Example, and so not a record of this library"
        ) from error


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _feature(value: bytes | str | int) -> tf.train.Feature:
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    data = value.encode() if isinstance(value, str) else value
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
