"""Resizes, mirrors, crops and pads fields as their records specify."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deeplab.core.fields import Kind, PredictionField
from deeplab.ops.resize import resize_bilinear, resize_offsets


def resize_field(
    record: PredictionField, value: tf.Tensor, size: tuple[Any, Any]
) -> tf.Tensor:
    """Resizes a field with aligned corners.

    Smooth fields are interpolated bilinearly, and offsets are rescaled so that they
    point to the same place. Other fields take the nearest pixel. Fields that are not
    maps of the image stay unchanged.

    Args:
      record: record of the field.
      value: `[b, h, w]` or `[b, h, w, c]`.
      size: (height, width), ints or int32 scalars.
    """
    if not record.is_resized:
        return value
    if record.kind is Kind.OFFSETS:
        return resize_offsets(value, size)
    maps = value if record.channels else tf.expand_dims(value, axis=-1)
    if record.is_smooth:
        maps = resize_bilinear(maps, size)
    else:
        maps = tf.raw_ops.ResizeNearestNeighbor(
            images=maps, size=tf.stack(size), align_corners=True
        )
    return maps if record.channels else tf.squeeze(maps, axis=-1)


def mirror_field(record: PredictionField, value: tf.Tensor) -> tf.Tensor:
    """Flips a field predicted for a mirrored image back to the original image."""
    if not record.is_resized:
        return value
    mirrored = tf.reverse(value, [2])
    if record.kind is Kind.OFFSETS:
        mirrored *= tf.constant([1.0, -1.0], value.dtype)
    return mirrored


def crop_field(record: PredictionField, value: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the upper left part of a field.

    Args:
      record: record of the field.
      value: `[b, h, w, ...]`.
      size: [2] int32, height and width to keep.
    """
    return value[:, : size[0], : size[1]] if record.is_resized else value


def pad_field(record: PredictionField, value: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Pads a field of one image with zeros at the bottom and on the right.

    Args:
      record: record of the field.
      value: `[h, w, ...]`, without the batch.
      size: [2] int32, height and width of the result.
    """
    if not record.is_resized:
        return value
    missing = size - tf.shape(value)[:2]
    paddings = tf.pad(missing[:, None], [[0, value.shape.rank - 2], [1, 0]])
    return tf.pad(value, paddings)
