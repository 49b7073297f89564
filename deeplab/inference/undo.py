"""The way back from the network's input to the image as it was stored."""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.structures import Prediction, map_fields
from deeplab.inference.field_choice import fields_where
from deeplab.ops.fields import crop_field, resize_field


def undo_preprocessing(
    prediction: Prediction, resized_size: tf.Tensor, raw_size: tf.Tensor
) -> Prediction:
    """Returns a prediction at the size of the image as it was stored.

    Crops the padding and resizes with aligned corners, each field as its record asks.
    Fields of the whole image stay as they are; those that cannot be served are left
    out.

    Args:
      prediction: `[b, h, w, ...]` fields at the size of the network's input.
      resized_size: [2] int32, height and width of the part that shows the image.
      raw_size: [2] int32, height and width of the image as stored.
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
