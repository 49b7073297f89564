"""Choosing pixels: the largest values, every n-th, and at random."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.ops import sampling
from deeplab.ops.sampling import check_top_k, top_k_mean


def brute_force(values, fraction):
    means = []
    for sample in values.reshape(len(values), -1):
        kept = np.sort(sample)[::-1][: max(1, round(fraction * sample.size))]
        kept = kept[kept != 0]
        means.append(kept.mean() if kept.size else 0.0)
    return means


@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (3, 4, 5), (2, 3, 4, 2)])
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("mode", ["eager", "unknown shape", "tf.data", "XLA"])
def test_equals_sorting(shape, fraction, mode):
    rng = np.random.default_rng(0)
    values = np.where(rng.random(shape) < 0.3, 0, rng.random(shape)).astype("float32")
    if mode == "eager":
        result = top_k_mean(tf.constant(values), fraction)
    elif mode == "tf.data":
        data = tf.data.Dataset.from_tensors(values)
        result = next(iter(data.map(lambda v: top_k_mean(v, fraction))))
    else:
        signature = tf.TensorSpec([None] * len(shape), tf.float32)
        function = tf.function(
            lambda v: top_k_mean(v, fraction),
            input_signature=[signature] if mode == "unknown shape" else None,
            jit_compile=mode == "XLA",
        )
        result = function(tf.constant(values))
    np.testing.assert_allclose(result, brute_force(values, fraction), rtol=1e-5)


@pytest.mark.parametrize("fraction", [0.0, 1.5, float("nan")])
def test_refuses_other_fractions(fraction):
    with pytest.raises(ValueError, match="top_k_percent"):
        check_top_k(fraction)


@pytest.mark.parametrize(
    ("length", "shorter", "expected"),
    [
        (9, 3, [0, 4, 8]),
        (5, 5, [0, 1, 2, 3, 4]),
        # 99 / 24 = 4.125 pixels apart.
        (100, 25, np.floor(np.arange(25) * 99 / 24 + 0.5)),
        (7, 1, [0]),
    ],
)
def test_subsampling_keeps_corners(length, shorter, expected):
    values = tf.tile(tf.range(length)[None, :, None], [2, 1, length])
    rows = sampling.subsample(values, (shorter, shorter))
    np.testing.assert_array_equal(rows[:, :, 0], [expected, expected])
    columns = sampling.subsample(
        tf.transpose(values, [0, 2, 1]), (tf.constant(shorter), tf.constant(shorter))
    )
    np.testing.assert_array_equal(columns[:, 0], [expected, expected])


def test_places_are_drawn_once_and_by_their_probability():
    """Of 1 to 3, place 1 comes first with 3/4; all 3 of 3 are always drawn."""
    logits = tf.tile(tf.math.log([[0.25, 0.75]]), [4000, 1])
    first = sampling.draw_without_replacement(logits, 1).numpy()
    assert abs(first.mean() - 0.75) < 0.03
    both = sampling.draw_without_replacement(logits, 5).numpy()
    assert both.shape == (4000, 2)
    np.testing.assert_array_equal(np.sort(both), [[0, 1]] * 4000)


def test_impossible_places_are_drawn_last():
    logits = tf.tile([[float("-inf"), 0.0, 0.0]], [50, 1])
    drawn = sampling.draw_without_replacement(logits, 2).numpy()
    np.testing.assert_array_equal(np.sort(drawn), [[1, 2]] * 50)
