import numpy as np
import pytest
import tensorflow as tf

from deeplab.ops import masks

NUMBERS = np.array([[0, 0, 1, -1]])
PROBS = np.array([[[0.5, 0.25], [1, 0], [0.25, 0.75], [1, 1]]], np.float32)


def test_areas_leave_out_pixels_without_mask():
    np.testing.assert_array_equal(masks.mask_areas(NUMBERS, 3), [[2, 1, 0]])


def test_shared_area_adds_up_probabilities():
    """Mask 0 has pixels 0 and 1, mask 1 has pixel 2, mask 2 has none."""
    np.testing.assert_allclose(
        masks.shared_area(NUMBERS, 3, PROBS), [[[1.5, 0.25], [0.25, 0.75], [0, 0]]]
    )


def test_dice_is_the_share_of_the_mean():
    """3 of (4 + 8) / 2 is a half; a mask is wholly like itself; nothing shares 0."""
    values = masks.dice_similarity(
        tf.constant([3.0, 4.0, 0.0]),
        tf.constant([4.0, 4.0, 0.0]),
        tf.constant([8.0, 4.0, 0.0]),
    )
    np.testing.assert_allclose(values, [0.5, 1, 0], rtol=1e-5)


def test_ratio_of_nothing_is_nothing():
    ratio = masks.area_ratio(tf.constant([1.0, 0.0]), tf.constant([4.0, 0.0]))
    np.testing.assert_allclose(ratio, [0.25, 0], rtol=1e-5)


def test_pixels_are_flat_float32():
    maps = tf.reshape(tf.range(12, dtype=tf.bfloat16), [1, 2, 3, 2])
    flat = masks.flat_pixels(maps)
    assert flat.dtype == tf.float32
    np.testing.assert_array_equal(flat, np.arange(12).reshape(1, 6, 2))


def test_sizes_that_must_be_known():
    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def sizes(values):
        assert masks.known_size(values, 1) == 3
        with pytest.raises(
            ValueError, match=r"axis 0 of \(None, 3\) must have a static"
        ):
            masks.known_size(values, 0)

    sizes(tf.zeros([2, 3]))
