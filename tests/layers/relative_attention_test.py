"""Attention with relative biases against the formula, pair by pair."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.layers.relative_attention import (
    RelativeAttention,
    join_windows,
    relative_bias,
    resize_table,
    split_windows,
)

CHANNELS, HEAD_CHANNELS = 6, 3


def layer(**options):
    return RelativeAttention(
        CHANNELS, name="attention", head_channels=HEAD_CHANNELS, **options
    )


def drawn(attention, seed=0):
    """Builds the layer and gives every weight a value of order one."""
    attention(tf.zeros([1, 2, 2, CHANNELS]))
    rng = np.random.default_rng(seed)
    for variable in attention.variables:
        variable.assign(rng.normal(0.0, 0.7, variable.shape))
    return {v.name.split("/", 1)[1][:-2]: v.numpy() for v in attention.variables}


def slow_attention(x, weights, bias):
    """Returns what each position of `[h, w, c]` gathers, one pair after another.

    `bias(head, dy, dx)` is added to the logit of a key that lies (dy, dx) away.
    """
    height, width, _ = x.shape

    def heads(name):
        projected = np.einsum("hwc,cnk->hwnk", x, weights[f"{name}/weight"])
        return projected + weights[f"{name}/bias"]

    query, key, value = heads("q"), heads("k"), heads("v")
    gathered = np.zeros_like(query)
    for row, column, head in np.ndindex(*query.shape[:3]):
        logits = np.empty([height, width])
        for y, z in np.ndindex(height, width):
            product = query[row, column, head] @ key[y, z, head]
            logits[y, z] = product / np.sqrt(HEAD_CHANNELS)
            logits[y, z] += bias(head, y - row, z - column)
        weight = np.exp(logits - logits.max())
        weight /= weight.sum()
        gathered[row, column, head] = np.einsum("hw,hwk->k", weight, value[:, :, head])
    output = np.einsum("hwnk,nkc->hwc", gathered, weights["o/weight"])
    return output + weights["o/bias"]


def no_bias(head, dy, dx):
    return 0.0


def test_whole_map_without_biases():
    x = np.random.default_rng(1).normal(size=[3, 4, CHANNELS]).astype("float32")
    attention = layer()
    weights = drawn(attention)
    assert not any("position" in name for name in weights)
    expected = slow_attention(x, weights, no_bias)
    np.testing.assert_allclose(attention(x[np.newaxis])[0], expected, atol=1e-4)


def test_whole_map_with_biases_of_its_own_size():
    """The table of a 4 x 4 map, used for one: entry (3 + dy, 3 + dx) is the bias."""
    x = np.random.default_rng(1).normal(size=[4, 4, CHANNELS]).astype("float32")
    attention = layer(position_embedding_size=4)
    weights = drawn(attention)
    table = weights["relative_position_embedding"]
    assert table.shape == (2, 7, 7)
    expected = slow_attention(x, weights, lambda n, dy, dx: table[n, 3 + dy, 3 + dx])
    np.testing.assert_allclose(attention(x[np.newaxis])[0], expected, atol=1e-4)


@pytest.mark.parametrize("size", [(2, 5), (6, 3), (1, 1)])
def test_biases_are_resized_to_the_map(size):
    x = np.random.default_rng(1).normal(size=[*size, CHANNELS]).astype("float32")
    attention = layer(position_embedding_size=3)
    weights = drawn(attention)
    sides = [2 * side - 1 for side in size]
    table = tf.image.resize(
        weights["relative_position_embedding"][..., np.newaxis], sides
    ).numpy()[..., 0]
    expected = slow_attention(
        x, weights, lambda n, dy, dx: table[n, size[0] - 1 + dy, size[1] - 1 + dx]
    )
    np.testing.assert_allclose(attention(x[np.newaxis])[0], expected, atol=1e-4)


def test_resizing_keeps_a_table_and_interpolates_half_pixel_centres():
    table = np.random.default_rng(0).normal(size=[2, 3, 3]).astype("float32")
    np.testing.assert_array_equal(resize_table(table, (2, 2)), table)
    # One line of three to five: centres lie at 0.6 k - 0.2, clipped to the line.
    line = tf.constant([[[0.0, 1.0, 2.0]]])
    expected = [0.0, 0.4, 1.0, 1.6, 2.0]
    np.testing.assert_allclose(resize_table(line, (1, 3))[0, 0], expected, atol=1e-6)


def test_bias_of_every_pair():
    height, width = 3, 2
    table = np.arange(2 * 5 * 3, dtype=np.float32).reshape(2, 5, 3)
    bias = relative_bias(tf.constant(table), (height, width)).numpy()
    bias = bias.reshape(2, height, width, height, width)
    for n, i, j, y, z in np.ndindex(*bias.shape):
        assert bias[n, i, j, y, z] == table[n, y - i + 2, z - j + 1]


def test_windows_attend_within_themselves():
    x = np.random.default_rng(1).normal(size=[4, 6, CHANNELS]).astype("float32")
    attention = layer(position_embedding_size=2, window=(2, 3))
    weights = drawn(attention)
    table = resize_table(weights["relative_position_embedding"], (2, 3)).numpy()
    expected = np.empty_like(x)
    for top, left in np.ndindex(2, 2):
        part = np.s_[2 * top : 2 * top + 2, 3 * left : 3 * left + 3]
        expected[part] = slow_attention(
            x[part], weights, lambda n, dy, dx: table[n, 1 + dy, 2 + dx]
        )
    np.testing.assert_allclose(attention(x[np.newaxis])[0], expected, atol=1e-4)


def test_windows_at_the_border_attend_to_what_is_inside():
    x = np.random.default_rng(1).normal(size=[2, 3, 4, CHANNELS]).astype("float32")
    attention = layer(window=(2, 3))
    weights = drawn(attention)
    expected = np.empty_like(x)
    for image, top, left in np.ndindex(2, 2, 2):
        part = np.s_[image, 2 * top : 2 * top + 2, 3 * left : 3 * left + 3]
        expected[part] = slow_attention(x[part], weights, no_bias)
    np.testing.assert_allclose(attention(x), expected, atol=1e-4)
    spec = tf.TensorSpec([None, None, None, CHANNELS])
    unknown = tf.function(lambda x: attention(x), input_signature=[spec])
    np.testing.assert_allclose(unknown(x), expected, atol=1e-4)


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (1, 1)])
def test_joining_undoes_splitting(size):
    x = np.random.default_rng(1).normal(size=[2, *size, 3]).astype("float32")
    windows = split_windows(tf.constant(x), (2, 3))
    assert windows.shape[1:] == [6, 3]
    np.testing.assert_array_equal(join_windows(windows, (2, 3), size), x)


def test_compiles_and_learns():
    attention = layer(position_embedding_size=3)
    drawn(attention)
    x = tf.random.stateless_normal([2, 4, 5, CHANNELS], [0, 0])

    @tf.function(jit_compile=True)
    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(attention(x) ** 2)
        return tape.gradient(loss, attention.trainable_variables)

    for variable, gradient in zip(
        attention.trainable_variables, gradients(x), strict=True
    ):
        # Keys all moved alike change no softmax.
        if "k/bias" not in variable.name:
            assert np.abs(gradient).max() > 1e-6, variable.name
