"""Decodes label maps with TensorFlow; `encoded_label` describes the formats."""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.labels import LabelSpace
from deeplab.data.encoded_label import PNG, RAW, RGB_BITS

# Colour type of a PNG file, in byte 25 of its header.
_GREY, _RGB, _RGBA = b"\x00", b"\x02", b"\x06"


def parse_label(
    encoded: tf.Tensor,
    label_format: tf.Tensor,
    size: tf.Tensor,
    labels: LabelSpace | None = None,
) -> tf.Tensor:
    """Decodes a label map of any known format.

    Args:
      encoded: scalar string, content of the record's label field.
      label_format: scalar string, "raw" or "png".
      size: [2] int32, height and width of a raw label.
      labels: converts the class ids of a grey PNG to panoptic labels; without it, the
        values of a grey PNG are returned unchanged.

    Returns:
      `[H, W]` int32.

    Raises:
      tf.errors.InvalidArgumentError: when run on bytes that are not such a label.
    """

    def raw() -> tf.Tensor:
        return tf.reshape(tf.io.decode_raw(encoded, tf.int32), size)

    def png() -> tf.Tensor:
        return _parse_png(encoded, labels)

    def unknown() -> tf.Tensor:
        message = ["unknown label format", label_format]
        with tf.control_dependencies([tf.debugging.Assert(False, message)]):
            return tf.zeros(size, tf.int32)

    cases = [(tf.equal(label_format, RAW), raw), (tf.equal(label_format, PNG), png)]
    label = tf.case(cases, default=unknown, exclusive=True)
    label.set_shape([None, None])
    return label


def _parse_png(encoded: tf.Tensor, labels: LabelSpace | None) -> tf.Tensor:
    """Returns the `[H, W]` int32 labels of a PNG."""
    depth = tf.strings.substr(encoded, 24, 1)
    color_type = tf.strings.substr(encoded, 25, 1)

    def color() -> tf.Tensor:
        # Four bytes are one int32 in memory; no arithmetic per channel is needed.
        values = tf.bitcast(tf.io.decode_png(encoded, channels=4), tf.int32)
        bits = tf.where(tf.equal(color_type, _RGBA), -1, RGB_BITS)
        return tf.bitwise.bitwise_and(values, bits)

    def grey() -> tf.Tensor:
        # Decoded as 16 bits, values of 8 bits are multiplied by 257.
        pixels = tf.io.decode_png(encoded, channels=1, dtype=tf.uint16)[..., 0]
        pixels = tf.cast(pixels, tf.int32)
        pixels = tf.where(tf.equal(depth, b"\x10"), pixels, pixels // 257)
        return pixels if labels is None else labels.encode(pixels, 0)

    def unknown() -> tf.Tensor:
        message = ["a label PNG is grey, RGB or RGBA, not of colour type", color_type]
        with tf.control_dependencies([tf.debugging.Assert(False, message)]):
            return tf.zeros([0, 0], tf.int32)

    is_color = tf.equal(color_type, _RGB) | tf.equal(color_type, _RGBA)
    cases = [(is_color, color), (tf.equal(color_type, _GREY), grey)]
    return tf.case(cases, default=unknown, exclusive=True)
