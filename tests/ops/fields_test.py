"""Fields are resized, mirrored, cropped and padded as their records ask."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.fields import Extent, Kind, PredictionField
from deeplab.ops.fields import crop_field, mirror_field, pad_field, resize_field

SMOOTH = [Kind.LOGITS, Kind.PROBABILITIES, Kind.HEATMAP, Kind.DEPTH]
OFFSETS = PredictionField(Kind.OFFSETS, channels=True)
IDS = PredictionField(Kind.IDS)
UNSIZED = [
    PredictionField(Kind.LOGITS, Extent.IMAGE, channels=True),
    PredictionField(Kind.LOGITS, Extent.OWN),
]


def row(*values, dtype=np.float32):
    """Returns `[1, 1, w]`."""
    return tf.constant([[values]], dtype)


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("channels", [False, True])
def test_smooth_fields_are_interpolated(kind, channels):
    record = PredictionField(kind, channels=channels)
    value = row(0, 4, 2)
    resized = resize_field(record, value[..., None] if channels else value, (1, 5))
    assert resized.shape == ([1, 1, 5, 1] if channels else [1, 1, 5])
    np.testing.assert_allclose(np.ravel(resized), [0, 2, 4, 3, 2], atol=1e-6)


def test_smooth_fields_shrink_to_the_pixels_that_remain():
    resized = resize_field(PredictionField(Kind.DEPTH), row(0, 4, 2, 7, 8), (1, 3))
    np.testing.assert_allclose(np.ravel(resized), [0, 2, 8], atol=1e-6)


def test_offsets_grow_with_the_image_axis_by_axis():
    value = tf.constant([[[[1, 10], [3, 30]], [[1, 10], [3, 30]]]], tf.float32)
    resized = resize_field(OFFSETS, value, (3, 5))
    # Rows from 1 to 2 steps, columns from 1 to 4.
    np.testing.assert_allclose(resized[0, 0, :, 0], [2, 3, 4, 5, 6], rtol=1e-6)
    np.testing.assert_allclose(resized[0, 2, :, 1], [40, 60, 80, 100, 120], rtol=1e-6)


@pytest.mark.parametrize(
    ("record", "dtype"),
    [(IDS, np.int32), (PredictionField(Kind.SCORES), np.float32)],
)
def test_of_ids_and_scores_the_nearest_pixel_is_taken(record, dtype):
    resized = resize_field(record, row(5, 255000, 7, dtype=dtype), (2, 7))
    assert resized.dtype == dtype
    # Thirds of a pixel lie at 0, 1/3, 2/3, 1, 4/3, 5/3 and 2.
    nearest = [5, 5, 255000, 255000, 255000, 7, 7]
    np.testing.assert_array_equal(resized, [[nearest, nearest]])


@pytest.mark.parametrize("record", UNSIZED)
def test_what_does_not_follow_the_image_stays(record):
    value = tf.constant([[1.0, 2.0]])
    size = tf.constant([7, 9])
    assert resize_field(record, value, (7, 9)) is value
    assert mirror_field(record, value) is value
    assert crop_field(record, value, size) is value
    assert pad_field(record, value[0], size) is not None
    np.testing.assert_array_equal(pad_field(record, value[0], size), [1.0, 2.0])


def test_mirroring_reverses_columns():
    np.testing.assert_array_equal(mirror_field(IDS, row(1, 2, 3)), [[[3, 2, 1]]])
    depth = PredictionField(Kind.DEPTH, channels=True)
    np.testing.assert_array_equal(
        mirror_field(depth, row(1, 2)[..., None]), [[[[2], [1]]]]
    )


def test_mirrored_offsets_point_the_other_way():
    value = tf.constant([[[[1, 10], [2, 20]]]], tf.float32)
    np.testing.assert_array_equal(
        mirror_field(OFFSETS, value), [[[[2, -20], [1, -10]]]]
    )


def test_cropping_keeps_the_upper_left():
    value = tf.reshape(tf.range(12), [1, 3, 4])
    cropped = crop_field(IDS, value, tf.constant([2, 3]))
    np.testing.assert_array_equal(cropped, [[[0, 1, 2], [4, 5, 6]]])
    with_channels = crop_field(OFFSETS, tf.ones([1, 3, 4, 2]), tf.constant([1, 2]))
    assert with_channels.shape == [1, 1, 2, 2]


def test_padding_adds_zeros_below_and_on_the_right():
    padded = pad_field(IDS, tf.constant([[1, 2]]), tf.constant([2, 3]))
    np.testing.assert_array_equal(padded, [[1, 2, 0], [0, 0, 0]])
    with_channels = pad_field(OFFSETS, tf.ones([1, 1, 2]), tf.constant([2, 2]))
    np.testing.assert_array_equal(with_channels, [[[1, 1], [0, 0]], [[0, 0], [0, 0]]])


def test_sizes_may_be_unknown_until_run():
    spec = [tf.TensorSpec([None, None, None]), tf.TensorSpec([2], tf.int32)]
    run = tf.function(
        lambda value, size: resize_field(
            PredictionField(Kind.HEATMAP), value, (size[0], size[1])
        ),
        input_signature=spec,
    )
    resized = run(row(0, 4, 2), tf.constant([1, 5]))
    np.testing.assert_allclose(np.ravel(resized), [0, 2, 4, 3, 2], atol=1e-6)
