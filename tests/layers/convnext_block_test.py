"""Blocks of ConvNeXt against the formulas, tap by tap."""

import math

import numpy as np
import pytest
import tensorflow as tf

from deeplab.layers.convnext_block import ConvNeXtBlock, Patches


def normalized(x):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)


def gelu(x):
    return x * 0.5 * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0)))


def filtered(x, kernel, rate):
    """Returns the depthwise convolution of `[h, w, c]`, zero outside."""
    k, (height, width, _) = kernel.shape[0], x.shape
    result = np.zeros_like(x)
    for row, column, i, j in np.ndindex(height, width, k, k):
        y, z = row + rate * (i - k // 2), column + rate * (j - k // 2)
        if 0 <= y < height and 0 <= z < width:
            result[row, column] += x[y, z] * kernel[i, j, 0]
    return result


def drawn(layer, image, seed=0):
    """Builds a layer and gives every weight a value; returns them by name."""
    layer(tf.constant(image, tf.float32))
    rng = np.random.default_rng(seed)
    weights = {}
    for variable in layer.variables:
        variable.assign(rng.normal(0.0, 0.5, variable.shape))
        name = variable.name.split("/", 1)[1].removesuffix(":0")
        weights[name] = variable.numpy().astype(np.float64)
    return weights


@pytest.mark.parametrize("rate", [1, 2])
def test_block(rate):
    x = np.random.default_rng(1).normal(size=[9, 5, 4])
    block = ConvNeXtBlock(4, name="block", atrous_rate=rate)
    w = drawn(block, x[np.newaxis])
    path = filtered(x, w["depthwise_conv/kernel"], rate) + w["depthwise_conv/bias"]
    path = normalized(path) * w["norm/gamma"] + w["norm/beta"]
    path = gelu(path @ w["pointwise_conv1/kernel"] + w["pointwise_conv1/bias"])
    path = path @ w["pointwise_conv2/kernel"] + w["pointwise_conv2/bias"]
    expected = x + path * w["layer_scale"][0]
    np.testing.assert_allclose(
        block(tf.constant(x[np.newaxis], tf.float32))[0], expected, atol=1e-4
    )


def test_block_starts_as_almost_nothing():
    block = ConvNeXtBlock(4, name="block")
    x = tf.random.stateless_normal([1, 8, 8, 4], [0, 0])
    change = np.abs(block(x) - x).max()
    assert 0 < change < 1e-5


def test_dropped_paths_leave_the_input_and_kept_ones_count_more():
    block = ConvNeXtBlock(4, name="block", keep_prob=0.25)
    x = tf.random.stateless_normal([64, 3, 3, 4], [0, 0])
    drawn(block, x)
    path = (block(x, training=False) - x).numpy()
    trained = (block(x, training=True) - x).numpy()
    dropped = np.abs(trained).max((1, 2, 3)) == 0
    assert 30 < dropped.sum() < 64
    np.testing.assert_allclose(
        trained[~dropped], 4 * path[~dropped], rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 2)])
def test_stem_covers_every_pixel_around_its_first(size):
    """Patch i starts one pixel before pixel 4i: pixels outside are zero."""
    x = np.random.default_rng(1).normal(size=[*size, 3])
    stem = Patches(2, 4, name="stem", padding=(1, 2), normalize_first=False)
    w = drawn(stem, x[np.newaxis])
    padded = np.pad(x, [(1, 8), (1, 8), (0, 0)])
    rows, columns = math.ceil(size[0] / 4), math.ceil(size[1] / 4)
    expected = np.empty([rows, columns, 2])
    for i, j in np.ndindex(rows, columns):
        patch = padded[4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
        value = np.einsum("ijk,ijkc->c", patch, w["conv/kernel"]) + w["conv/bias"]
        expected[i, j] = normalized(value) * w["norm/gamma"] + w["norm/beta"]
    result = stem(tf.constant(x[np.newaxis], tf.float32))
    np.testing.assert_allclose(result[0], expected, atol=1e-3)


@pytest.mark.parametrize(("strides", "rate"), [(2, 1), (1, 1), (1, 2)])
def test_patches_normalize_their_padding_too(strides, rate):
    x = np.random.default_rng(1).normal(size=[5, 4, 3])
    layer = Patches(
        2,
        2,
        name="down",
        padding=(0, rate),
        normalize_first=True,
        strides=strides,
        atrous_rate=rate,
    )
    w = drawn(layer, x[np.newaxis])
    padded = normalized(np.pad(x, [(0, rate), (0, rate), (0, 0)]))
    padded = padded * w["norm/gamma"] + w["norm/beta"]
    rows, columns = (math.ceil(side / strides) for side in x.shape[:2])
    expected = np.empty([rows, columns, 2])
    for i, j in np.ndindex(rows, columns):
        top, left = strides * i, strides * j
        patch = padded[top : top + rate + 1 : rate, left : left + rate + 1 : rate]
        value = np.einsum("ijk,ijkc->c", patch, w["conv/kernel"])
        expected[i, j] = value + w["conv/bias"]
    result = layer(tf.constant(x[np.newaxis], tf.float32))
    np.testing.assert_allclose(result[0], expected, atol=1e-4)
