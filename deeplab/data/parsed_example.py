"""Decodes records with TensorFlow in a pipeline; `tfexample` defines the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from deeplab.core.labels import LabelSpace
from deeplab.data.encoded_label import RAW
from deeplab.data.parsed_label import parse_label
from deeplab.data.tfexample import (
    CLASS_ID,
    DEPTH,
    DEPTH_FORMAT,
    FILENAME,
    FRAME_ID,
    HEIGHT,
    IMAGE,
    LABEL,
    LABEL_FORMAT,
    NEXT_IMAGE,
    NEXT_LABEL,
    PER_CAMERA,
    PREVIOUS_IMAGE,
    PREVIOUS_LABEL,
    SEQUENCE_ID,
    WIDTH,
    features_of,
)

_NO_CLASS = -1
# Names of the fields in error messages.
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
    """Which parts of a record to read.

    Attributes:
      label: whether to read labels: of every frame read, and depth if `depth` is set.
      previous: whether to read the previous frame.
      next: whether to read the next frame.
      depth: whether to read the depth of the frame itself.
      class_id: whether to read the class of the whole image.
      cameras: cameras to read of multi-camera records; empty for records of one camera.
    """

    label: bool = True
    previous: bool = False
    next: bool = False
    depth: bool = False
    class_id: bool = False
    cameras: tuple[str, ...] = ()


def missing_keys(serialized: bytes, wanted: Wanted) -> list[str]:
    """Returns the keys that `parse_example` needs and a record lacks.

    Raises:
      ValueError: `serialized` is not a record.
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
    """Decodes a serialised record with TensorFlow operations only.

    Args:
      serialized: scalar string.
      labels: converts the class ids of a grey label PNG to panoptic labels; without
        it, they stay class ids.
      wanted: the parts to read.
      camera: scalar integer, index into `wanted.cameras`; the camera's name is appended
        to the names of the image and the video.

    Returns:
      `image` `[H, W, 3]` uint8, `filename`, `sequence_id` and `frame_id` scalar
      strings (the latter two empty outside videos), and the wanted ones of: `label`
      `[H, W]` int32 panoptic labels, `previous_image`, `previous_label`,
      `next_image` and `next_label` of the same types, `depth` `[H, W]` int32 in units
      of 1 / 256 metre, and `class_id` scalar int32.

    Raises:
      tf.errors.InvalidArgumentError: when run on a record that lacks a key, or whose
        label has an unknown format or another size than the image; the message names
        the key and the image.
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
    """The stored fields of one camera of a record, as tensors."""

    def __init__(self, serialized: tf.Tensor, wanted: Wanted, camera: tf.Tensor | int):
        cameras = wanted.cameras
        keys = [IMAGE, LABEL, PREVIOUS_IMAGE, PREVIOUS_LABEL, NEXT_IMAGE, NEXT_LABEL]
        spec: dict[str, Any] = {
            name: _text_feature()
            for key in [*keys, DEPTH]
            for name in _stored_names(key, cameras)
        }
        spec |= {
            # So that error messages name an image that has no name.
            FILENAME: _text_feature("unnamed"),
            # Published records without a format have raw labels.
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
        # [2] int32, height and width according to the record.
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
        """Returns a field and asserts that the record has it."""
        message = tf.strings.join(
            ["the record of ", self.names["filename"], f" has no {key}"]
        )
        absent = _NO_CLASS if key == CLASS_ID else ""
        present = tf.debugging.Assert(self.fields[key] != absent, [message])
        with tf.control_dependencies([present]):
            return tf.identity(self.fields[key])

    def sized_as(self, image: tf.Tensor, values: tf.Tensor, key: str) -> tf.Tensor:
        """Returns `values` and asserts that they have the size of the image."""
        name = self.names["filename"]
        parts = ["image and ", _WHAT[key], " of ", name, " differ in size"]
        message = tf.strings.join(parts)
        check = tf.debugging.assert_equal(
            tf.shape(image)[:2], tf.shape(values)[:2], message
        )
        with tf.control_dependencies([check]):
            return tf.identity(values)


def _stored_names(key: str, cameras: tuple[str, ...]) -> list[str]:
    """Returns the keys under which a field is stored, one per camera."""
    if not cameras or key not in PER_CAMERA:
        return [key]
    return [PER_CAMERA[key] + camera for camera in cameras]


def _text_feature(default: str = "") -> tf.io.FixedLenFeature:
    return tf.io.FixedLenFeature((), tf.string, default)
