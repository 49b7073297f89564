"""Undoing of preprocessing: from the network's input to the stored image."""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.structures import Prediction, map_fields
from deeplab.inference.field_choice import fields_where
from deeplab.ops.fields import crop_field, resize_field


def undo_preprocessing(
    prediction: Prediction, resized_size: tf.Tensor, raw_size: tf.Tensor
) -> Prediction:
    """Returns a prediction at the size of the stored image.

    The padding is cropped, and each field is resized with aligned corners as its record
    defines. Fields of the whole image are unchanged; fields that cannot be served are
    dropped.

    Args:
      prediction: fields `[b, h, w, ...]` at the size of the network's input.
      resized_size: [2] int32, height and width of the input without padding.
      raw_size: [2] int32, height and width of the stored image.
    """
    height, width = tf.unstack(tf.cast(raw_size, tf.int32), 2)
    cropped = map_fields(
        lambda record, value: crop_field(record, value, resized_size),
        fields_where(prediction, lambda record: record.can_be_served),
    )
    return tf.cond(
        tf.reduce_all(tf.equal(resized_size, raw_size)),
        lambda: cropped,
        lambda: map_fields(
            lambda record, value: resize_field(record, value, (height, width)), cropped
        ),
    )
