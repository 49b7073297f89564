import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.specs import AxialAttentionConfig, NormConfig
from deeplab.layers.axial_attention import AxialAttention
from deeplab.layers.convolution import (
    Conv1D,
    Conv2DSame,
    DepthwiseConv2DSame,
    SwitchableConv2DSame,
)
from deeplab.layers.weight_standardization import standardized

NONE = NormConfig("none", weight_standardization=True)


def by_hand(kernel, axes):
    """As in the authors' code: unbiased deviation, epsilon outside of the root."""
    deviation = kernel.std(axes, ddof=1, keepdims=True)
    return (kernel - kernel.mean(axes, keepdims=True)) / (deviation + 1e-5)


def test_two_weights():
    # Mean 2, deviation sqrt((1 + 1) / (2 - 1)).
    kernel = tf.constant([[1.0], [3.0]])
    expected = np.array([[-1.0], [1.0]]) / (np.sqrt(2.0) + 1e-5)
    np.testing.assert_allclose(standardized(kernel, (0,)), expected, rtol=1e-6)


def test_each_output_channel_has_mean_0_and_variance_1():
    kernel = tf.random.stateless_normal([3, 3, 8, 5], [0, 1], mean=4.0, stddev=3.0)
    result = standardized(kernel, (0, 1, 2)).numpy()
    np.testing.assert_allclose(result.mean((0, 1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(result.var((0, 1, 2), ddof=1), 1.0, rtol=1e-4)


def test_equal_weights_become_zero_with_finite_gradients():
    kernel = tf.Variable(tf.ones([3, 3, 2, 4]))
    with tf.GradientTape() as tape:
        result = standardized(kernel, (0, 1, 2))
        loss = tf.reduce_sum(result * tf.random.stateless_normal(result.shape, [0, 1]))
    assert not np.any(result)
    assert np.isfinite(tape.gradient(loss, kernel)).all()


def test_sixteen_bits_are_standardized_in_float32_and_float64_as_it_is():
    kernel = tf.random.stateless_normal([3, 3, 2, 4], [0, 1])
    for stored, result in (("bfloat16", "float32"), ("float64", "float64")):
        assert standardized(tf.cast(kernel, stored), (0, 1, 2)).dtype == result


@pytest.mark.parametrize("make", [Conv2DSame, SwitchableConv2DSame])
def test_convolution(make):
    layer = make(4, 3, name="c", norm=NONE)
    image = tf.random.stateless_normal([1, 5, 6, 3], [0, 1])
    output = layer(image)
    kernel = by_hand(layer._conv.kernel.numpy(), (0, 1, 2))
    expected = tf.nn.conv2d(image, kernel, 1, "SAME")
    # The switch starts at the smaller rate, the global contexts as zero.
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)


def test_depthwise_convolution_standardizes_each_channel():
    layer = DepthwiseConv2DSame(3, name="d", norm=NONE)
    image = tf.random.stateless_normal([1, 5, 6, 3], [0, 1])
    output = layer(image)
    kernel = by_hand(layer._depthwise_conv.depthwise_kernel.numpy(), (0, 1))
    expected = tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "SAME")
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)


def test_projection_of_a_sequence():
    layer = Conv1D(5, name="p", norm=NONE)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    output = layer(x)
    kernel = by_hand(layer._conv.kernel.numpy()[0], 0)
    np.testing.assert_allclose(output, x @ kernel, rtol=1e-4, atol=1e-5)


def test_projection_of_axial_attention():
    """Other scales and means of a channel's weights are the same projection."""
    layer = AxialAttention(
        8, AxialAttentionConfig(num_heads=2), axis=1, name="a", norm=NONE
    )
    image = tf.random.stateless_normal([1, 5, 6, 3], [0, 1])
    before = layer(image)
    layer.qkv_kernel.assign(3.0 * layer.qkv_kernel + 2.0)
    np.testing.assert_allclose(layer(image), before, rtol=1e-3, atol=1e-3)
    plain = AxialAttention(
        8, AxialAttentionConfig(num_heads=2), axis=1, name="a", norm=NormConfig("none")
    )
    plain(image)
    plain.set_weights(layer.get_weights())
    assert np.abs(plain(image) - before).max() > 0.1


def test_a_bias_means_no_norm_and_so_no_standardization():
    layer = Conv2DSame(4, 1, name="c")
    image = tf.random.stateless_normal([1, 5, 6, 3], [0, 1])
    output = layer(image)
    expected = tf.nn.conv2d(image, layer._conv.kernel, 1, "SAME")
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


def test_precision_is_cast_after_standardization():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        layer = SwitchableConv2DSame(4, 3, name="c", norm=NONE)
        image = tf.random.stateless_normal([1, 5, 6, 3], [0, 1])
        layer(image)
        # Of bfloat16, weights around 1000 would all be the same or 4 apart.
        kernel = 1000.0 + layer._conv.kernel
        layer._conv.kernel.assign(kernel)
        output = layer(image)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    expected = tf.nn.conv2d(image, by_hand(kernel.numpy(), (0, 1, 2)), 1, "SAME")
    error = np.abs(tf.cast(output, tf.float32) - expected).max()
    assert error < 0.05 * np.abs(expected).max()
