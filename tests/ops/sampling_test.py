"""The mean over the largest values."""

import numpy as np
import pytest
import tensorflow as tf

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
