import numpy as np
import pytest
import tensorflow as tf

from deeplab.ops.resize import (
    resize_bilinear,
    resize_offsets,
    scaled_size,
    spatial_size,
)


def oracle(image, height, width):
    """Bilinear interpolation by its definition, corners on corners."""
    result = np.zeros((height, width, image.shape[-1]))
    for y in range(height):
        for x in range(width):
            row = y * (image.shape[0] - 1) / max(height - 1, 1)
            column = x * (image.shape[1] - 1) / max(width - 1, 1)
            y0, x0 = int(row), int(column)
            y1, x1 = min(y0 + 1, image.shape[0] - 1), min(x0 + 1, image.shape[1] - 1)
            top = image[y0, x0] * (1 - column + x0) + image[y0, x1] * (column - x0)
            low = image[y1, x0] * (1 - column + x0) + image[y1, x1] * (column - x0)
            result[y, x] = top * (1 - row + y0) + low * (row - y0)
    return result


@pytest.mark.parametrize("size", [(9, 13), (3, 4), (2, 7), (1, 1), (17, 1)])
def test_resizing_interpolates_between_aligned_corners(size):
    image = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    resized = resize_bilinear(tf.constant(image[np.newaxis]), size)
    np.testing.assert_allclose(resized[0], oracle(image, *size), atol=1e-5)


def test_one_pixel_fills_any_size():
    resized = resize_bilinear(tf.fill([1, 1, 1, 2], 3.0), (4, 5))
    np.testing.assert_array_equal(resized, np.full([1, 4, 5, 2], 3.0))


def test_same_size_returns_the_tensor_and_dtype_is_kept():
    image = tf.ones([1, 3, 4, 1], tf.bfloat16)
    assert resize_bilinear(image, (3, 4)) is image
    assert resize_bilinear(image, (5, 4)).dtype == tf.bfloat16


def test_offsets_keep_pointing_to_the_same_place():
    # 3 x 5 -> 5 x 17 pixels: 2 and 4 times as many steps.
    offsets = tf.constant([1.0, -2.0]) * tf.ones([1, 3, 5, 2])
    resized = resize_offsets(offsets, (5, 17))
    np.testing.assert_allclose(resized[..., 0], np.full((1, 5, 17), 2.0))
    np.testing.assert_allclose(resized[..., 1], np.full((1, 5, 17), -8.0))


def test_unknown_sizes_are_resized_alike_in_graphs():
    image = tf.random.normal([2, 4, 6, 2])
    spec = tf.TensorSpec([None, None, None, 2])
    double = tf.function(
        lambda x: resize_offsets(x, tuple(2 * n for n in spatial_size(x))),
        input_signature=[spec],
    )
    expected = resize_offsets(image, (8, 12))
    np.testing.assert_allclose(double(image), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [(513, 1 / 32, 17), (1025, 1 / 16, 65), (65, 1.25, 81), (33, 0.75, 25), (1, 2, 1)],
)
def test_scaled_size_spans_the_same_length(size, scale, expected):
    assert scaled_size(size, scale) == expected
    assert int(scaled_size(tf.constant(size), scale)) == expected


def test_spatial_size_is_static_where_it_is_known():
    assert spatial_size(tf.zeros([1, 2, 3, 4])) == (2, 3)
