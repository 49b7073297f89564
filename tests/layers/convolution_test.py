import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers import folding
from deeplab.layers.convolution import (
    Conv1D,
    Conv2DSame,
    DepthwiseConv2DSame,
    SeparableConv2DSame,
    StackedConv2DSame,
)

NORM = NormConfig()


def random_weights(layer, seed=0):
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])


def convolve(image, kernel, stride, rate):
    """A convolution padded alike on all sides, one output pixel at a time."""
    taps = kernel.shape[0]
    margin = (taps - 1) * rate // 2
    padded = np.pad(image, [(margin, margin), (margin, margin), (0, 0)])
    height, width = (-(-n // stride) for n in image.shape[:2])
    result = np.zeros((height, width, kernel.shape[-1]))
    for y in range(height):
        for x in range(width):
            rows = y * stride + rate * np.arange(taps)
            columns = x * stride + rate * np.arange(taps)
            patch = padded[np.ix_(rows, columns)]
            result[y, x] = np.tensordot(patch, kernel, 3)
    return result


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 2)])
@pytest.mark.parametrize(
    ("kernel", "stride", "rate"),
    [(3, 1, 1), (3, 2, 1), (7, 2, 1), (1, 2, 1), (3, 1, 4)],
)
def test_padding_is_the_same_on_all_sides(size, kernel, stride, rate):
    layer = Conv2DSame(4, kernel, name="conv", strides=stride, atrous_rate=rate)
    image = np.random.default_rng(1).normal(size=(*size, 3)).astype("float32")
    output = layer(tf.constant(image[np.newaxis]))
    expected = convolve(image, layer.get_weights()[0], stride, rate)
    np.testing.assert_allclose(output[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_filters_each_channel(stride):
    layer = DepthwiseConv2DSame(5, name="conv", norm=NORM, strides=stride)
    image = np.random.default_rng(1).normal(size=(6, 9, 2)).astype("float32")
    output = layer(tf.constant(image[np.newaxis]))
    kernel = layer.get_weights()[0]
    scale = 1 / np.sqrt(1 + NORM.epsilon)
    for channel in range(2):
        part = slice(channel, channel + 1)
        expected = convolve(image[..., part], kernel[:, :, part], stride, 1)
        np.testing.assert_allclose(
            output[0, ..., part], scale * expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv2DSame(4, 3, name="c", norm=NORM, activation="relu"),
        lambda: DepthwiseConv2DSame(3, name="d", norm=NORM, activation="relu"),
    ],
)
def test_folding_changes_nothing_but_the_order_of_rounding(make, dtype):
    policy = "float32" if dtype == "float32" else "mixed_bfloat16"
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        layer = make()
        image = tf.random.normal([1, 6, 7, 3])
        layer(image)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    random_weights(layer)
    conv = getattr(layer, "_conv", None) or layer._depthwise_conv
    unfolded = tf.nn.relu(
        layer._batch_norm(conv(tf.cast(image, dtype)), training=False)
    )
    output = layer(image, training=False)
    assert output.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 3e-2
    difference = np.abs(tf.cast(output, tf.float32) - tf.cast(unfolded, tf.float32))
    assert difference.max() < tolerance * float(tf.reduce_max(unfolded))


@pytest.mark.parametrize(
    ("make", "dtype", "folds"),
    [
        # TensorFlow does it by itself.
        (lambda norm: Conv2DSame(4, 3, name="c", norm=norm), "float32", False),
        (lambda norm: Conv2DSame(4, 3, name="c", norm=norm), "bfloat16", True),
        (lambda norm: DepthwiseConv2DSame(3, name="d", norm=norm), "float32", True),
        (lambda norm: DepthwiseConv2DSame(3, name="d", norm=norm), "bfloat16", True),
    ],
)
def test_what_folds_batch_normalization(make, dtype, folds, monkeypatch):
    policy = "float32" if dtype == "float32" else "mixed_bfloat16"
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        layers = {kind: make(NormConfig(kind)) for kind in ("batch", "frozen_batch")}
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    image = tf.random.normal([1, 6, 7, 3])
    for kind, layer in layers.items():
        layer(image)
        calls = []

        def call(inputs, training, calls=calls):
            calls.append(training)
            return inputs

        monkeypatch.setattr(layer._batch_norm, "call", call)
        layer(image, training=False)
        assert bool(calls) != folds
        calls.clear()
        layer(image, training=True)
        assert bool(calls) != (folds and kind == "frozen_batch")


def test_bias_comes_without_normalization_only():
    plain, normed = Conv2DSame(2, 1, name="a"), Conv2DSame(2, 1, name="b", norm=NORM)
    for layer in (plain, normed):
        layer(tf.zeros([1, 2, 2, 3]))
    assert [w.shape for w in plain.get_weights()] == [(1, 1, 3, 2), (2,)]
    assert [w.shape for w in normed.get_weights()] == [(1, 1, 3, 2)] + 4 * [(2,)]


def test_separable_is_depthwise_then_pointwise():
    layer = SeparableConv2DSame(4, 3, name="s", norm=NORM, activation="relu")
    image = tf.random.normal([1, 5, 5, 3])
    output = layer(image)
    expected = layer._pointwise(layer._depthwise(image))
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-6)
    assert output.shape == [1, 5, 5, 4]


def test_stack_applies_its_layers_in_order():
    layer = StackedConv2DSame(2, "standard_conv", 4, 3, name="s", norm=NORM)
    image = tf.random.normal([1, 5, 5, 3])
    output = layer(image)
    expected = layer._conv2_bn_act(layer._conv1_bn_act(image))
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"'conv'.*standard_conv"):
        StackedConv2DSame(1, "conv", 4, 3, name="s", norm=NORM)


@pytest.mark.parametrize("rate", [1, 2, 5])
def test_atrous_kernels_agree_with_and_without_a_direct_gradient(rate, monkeypatch):
    image, kernel = tf.random.normal([2, 7, 9, 3]), tf.random.normal([3, 3, 3, 4])

    def run():
        with tf.GradientTape() as tape:
            tape.watch([image, kernel])
            output = folding.atrous_convolution(image, kernel, rate)
            loss = tf.reduce_sum(output**2)
        return [output, *tape.gradient(loss, [image, kernel])]

    direct = run()
    monkeypatch.setattr(folding, "_has_direct_gradient", lambda: False)
    for ours, theirs in zip(direct, run(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("training", [False, True])
def test_projection_of_a_sequence(training):
    """Normalised by hand: (x W - mean) / sqrt(variance + epsilon) * gamma + beta."""
    x = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
    layer = Conv1D(5, name="project", norm=NORM, activation="relu")
    layer(x)
    random_weights(layer)
    gamma, beta, mean, variance = (
        v.numpy()
        for v in (
            layer._batch_norm.gamma,
            layer._batch_norm.beta,
            layer._batch_norm.moving_mean,
            layer._batch_norm.moving_variance,
        )
    )
    linear = x @ layer._conv.kernel.numpy()[0]
    if training:
        mean, variance = linear.mean((0, 1)), linear.var((0, 1))
    expected = (linear - mean) / np.sqrt(variance + NORM.epsilon) * gamma + beta
    np.testing.assert_allclose(
        layer(x, training=training), np.maximum(expected, 0), rtol=1e-4, atol=1e-4
    )


def test_projection_with_a_bias():
    layer = Conv1D(5, name="project")
    x = np.ones((1, 2, 3), "float32")
    layer(x)
    random_weights(layer)
    expected = layer._conv.kernel.numpy()[0].sum(0) + layer._conv.bias.numpy()
    np.testing.assert_allclose(layer(x)[0, 1], expected, rtol=1e-5)
