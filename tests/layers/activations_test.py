import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from deeplab.layers.activations import get_activation

X = np.array([-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", np.maximum(X, 0)),
        ("relu6", np.clip(X, 0, 6)),
        ("hard_swish", X * np.clip(X + 3, 0, 6) / 6),
        ("hard_sigmoid", np.clip(X + 3, 0, 6) * 0.16667),
        ("silu", X / (1 + np.exp(-X))),
        ("swish", X / (1 + np.exp(-X))),
        ("elu", np.where(X > 0, X, np.exp(X) - 1)),
    ],
)
def test_values(name, expected):
    computed = get_activation(name)(tf.constant(X, tf.float32))
    np.testing.assert_allclose(computed, expected, rtol=1e-5, atol=1e-6)


def test_gelu_and_its_approximation_differ_slightly():
    x = tf.constant([1.0])
    exact, approximate = (
        get_activation("gelu")(x),
        get_activation("approximated_gelu")(x),
    )
    assert float(exact[0]) == pytest.approx(0.8413447)  # 1 times Phi(1).
    assert 1e-5 < abs(float(exact[0] - approximate[0])) < 1e-3


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.float16])
def test_gelu_is_exact_in_every_precision(dtype):
    x = tf.cast(tf.linspace(-6.0, 6.0, 241), dtype)
    wide = x.numpy().astype(np.float64)
    expected = wide * scipy.special.ndtr(wide)
    found = get_activation("gelu")(x)
    assert found.dtype == dtype
    # Half a unit in the last place of the result, and what erf itself is wrong by.
    tolerance = {tf.float32: 1e-7, tf.bfloat16: 2.0**-8, tf.float16: 2.0**-11}[dtype]
    np.testing.assert_allclose(
        found.numpy().astype(np.float64), expected, rtol=tolerance, atol=1e-6
    )


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"'rellu'.*hard_swish.*relu6"):
        get_activation("rellu")
