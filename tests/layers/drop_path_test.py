import numpy as np
import pytest
import tensorflow as tf

from deeplab.layers.drop_path import drop_path_mask, keep_prob_at


def test_schedules():
    assert [keep_prob_at(0.8, "constant", s, 4) for s in (1, 4)] == [0.8, 0.8]
    linear = [keep_prob_at(0.8, "linear", s, 4) for s in range(5)]
    np.testing.assert_allclose(linear, [1.0, 0.95, 0.9, 0.85, 0.8])


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"'cosine'.*constant, linear"):
        keep_prob_at(0.8, "cosine", 1, 4)
    for keep_prob in (0.0, 1.5, -1.0):
        with pytest.raises(ValueError, match="drop_path_keep_prob"):
            keep_prob_at(keep_prob, "constant", 1, 4)


def test_whole_examples_are_dropped_and_the_expectation_stays():
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    mask = drop_path_mask(tf.zeros([4000, 2, 3, 1]), 0.8)
    assert mask.shape == [4000, 1, 1, 1]
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1.25)}
    # The standard deviation of the mean of 4000 draws is 0.008.
    assert abs(float(tf.reduce_mean(mask)) - 1) < 0.04


def test_dtype_is_that_of_the_features():
    assert drop_path_mask(tf.zeros([2, 1, 1, 1], tf.bfloat16), 0.5).dtype == tf.bfloat16
