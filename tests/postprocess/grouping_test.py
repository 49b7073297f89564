"""The grid finds the same centres as comparing every pixel with every centre."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.postprocess.centers import Centers
from deeplab.postprocess.grouping import nearest_center


def random_centers(rng, counts, height, width):
    pixels = height * width
    position = np.full((len(counts), max(*counts, 1)), pixels)
    for row, count in zip(position, counts, strict=True):
        row[:count] = np.sort(rng.choice(pixels, count, replace=False))
    return Centers(
        position=tf.constant(position, tf.int32),
        score=tf.cast(position < pixels, tf.float32),
        count=tf.constant(counts, tf.int32),
    )


@pytest.mark.parametrize("seed", range(12))
def test_both_ways_agree_bit_for_bit(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 150, 2)
    counts = rng.integers(0, min(40, height * width) + 1, 3)
    centers = random_centers(rng, counts, height, width)
    offsets = rng.normal(0, rng.choice([0.5, 5, 60]), (3, height, width, 2))
    if seed % 2:
        offsets = np.round(offsets * 2) / 2
    is_thing = tf.constant(rng.random((3, height, width)) < 0.7)
    offsets = tf.constant(offsets, tf.float32)
    fast, slow = (
        nearest_center(centers, offsets, is_thing, static_shapes=static)
        for static in (False, True)
    )
    compiled = tf.function(
        lambda: nearest_center(centers, offsets, is_thing, static_shapes=True),
        jit_compile=True,
    )()
    np.testing.assert_array_equal(fast, slow)
    np.testing.assert_array_equal(fast, compiled)
    assert (np.max(fast, axis=(1, 2)) <= counts).all()


def test_the_first_of_equally_near_centers_wins():
    """Column 2 lies in the middle of centres at columns 0 and 4."""
    centers = Centers(
        tf.constant([[0, 4]]), tf.constant([[1.0, 1.0]]), tf.constant([2])
    )
    for static in (False, True):
        number = nearest_center(
            centers,
            tf.zeros([1, 1, 5, 2]),
            tf.ones([1, 1, 5], tf.bool),
            static_shapes=static,
        )
        assert number.numpy().tolist() == [[[1, 1, 1, 2, 2]]]


def test_offsets_are_dy_dx():
    """Pixel (0, 0) points two rows down, to the second of two centres."""
    centers = Centers(
        tf.constant([[2, 6]]), tf.constant([[1.0, 1.0]]), tf.constant([2])
    )
    offsets = np.zeros([1, 3, 3, 2], np.float32)
    offsets[0, 0, 0] = [2, 0]
    for static in (False, True):
        number = nearest_center(
            centers,
            tf.constant(offsets),
            tf.ones([1, 3, 3], tf.bool),
            static_shapes=static,
        )
        assert number[0, 0, 0] == 2


@pytest.mark.parametrize("static", [False, True])
def test_distances_are_finer_than_float32(static):
    """10.001 is nearer to 20 than to 0; in float32 1500^2 + dx^2 hides that."""
    height, width = 1501, 21
    centers = Centers(
        tf.constant([[0, 20]]), tf.constant([[1.0, 1.0]]), tf.constant([2])
    )
    is_thing = np.zeros([1, height, width], bool)
    is_thing[0, -1, 10] = True
    offsets = np.zeros([1, height, width, 2], np.float32)
    offsets[0, -1, 10] = [0, 0.001]
    number = nearest_center(
        centers, tf.constant(offsets), tf.constant(is_thing), static_shapes=static
    )
    assert number[0, -1, 10] == 2
