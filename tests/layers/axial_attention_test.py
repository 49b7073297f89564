"""Attention against loops over queries and keys."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.specs import AxialAttentionConfig, NormConfig
from deeplab.layers.axial_attention import (
    AxialAttention,
    AxialAttention2D,
    GlobalAttention2D,
)
from deeplab.layers.positional_encoding import MAX_SPAN

HEADS, DEPTH, VALUES = 2, 3, 5  # Depths of keys and values of a head.
NORM = NormConfig()


def config(**options):
    return AxialAttentionConfig(
        num_heads=HEADS,
        key_expansion=HEADS * DEPTH,
        value_expansion=HEADS * VALUES,
        **options,
    )


def attention(axis=2, relative=True, seed=0, norm=NORM, **options):
    layer = AxialAttention(
        1, config(**options), axis=axis, name="a", norm=norm, relative=relative
    )
    layer(tf.zeros([1, 2, 2, 4]))
    randomize(layer, seed)
    return layer


def randomize(layer, seed=0):
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        noise = rng.normal(0, 0.5, variable.shape)
        positive = "gamma" in variable.name or "variance" in variable.name
        variable.assign(np.abs(noise) + 0.3 if positive else noise)


def features(height=3, width=6, batch=2, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, height, width, 4)).astype(np.float32)


def normalized(norm, x, shape):
    gamma, beta, mean, variance = (
        np.broadcast_to(np.reshape(v, shape), np.shape(x))
        for v in (
            norm.gamma.numpy(),
            norm.beta.numpy(),
            norm.moving_mean.numpy(),
            norm.moving_variance.numpy(),
        )
    )
    return (x - mean) / np.sqrt(variance + norm.epsilon) * gamma + beta


def by_loops(layer, row, relative=True, reach=10**6, sigmoid=False):
    """One sequence [length, c], one head and one pair of positions after another."""
    qkv = normalized(layer._batch_norm_qkv, row @ layer.qkv_kernel.numpy(), [1, -1])
    sizes = np.cumsum([HEADS * DEPTH, HEADS * DEPTH])
    q, k, v = np.split(qkv, sizes, axis=1)
    length = len(row)
    output = np.zeros((length, HEADS * VALUES))
    for head in range(HEADS):
        keys = slice(head * DEPTH, (head + 1) * DEPTH)
        values = slice(head * VALUES, (head + 1) * VALUES)
        for query in range(length):
            seen = [m for m in range(length) if abs(m - query) <= reach]
            similarity = []
            for m in seen:
                at = m - query + MAX_SPAN - 1
                terms = [q[query, keys] @ k[m, keys]]
                if relative:
                    of_query = layer._query_rpe.embeddings.numpy()[at]
                    of_key = layer._key_rpe.embeddings.numpy()[at]
                    terms += [q[query, keys] @ of_query, k[m, keys] @ of_key]
                norm = layer._batch_norm_similarity
                scale = norm.gamma / np.sqrt(norm.moving_variance + norm.epsilon)
                shift = norm.beta - norm.moving_mean * scale
                similarity.append(
                    sum(
                        term * scale[i, 0, head, 0, 0] + shift[i, 0, head, 0, 0]
                        for i, term in enumerate(terms)
                    )
                )
            similarity = np.array(similarity)
            if sigmoid:
                weights = 1 / (1 + np.exp(-similarity))
            else:
                weights = np.exp(similarity - similarity.max())
                weights /= weights.sum()
            parts = [weights @ v[seen, values]]
            if relative:
                at = [m - query + MAX_SPAN - 1 for m in seen]
                parts.append(weights @ layer._value_rpe.embeddings.numpy()[at])
            norm = layer._batch_norm_retrieved_output
            scale = norm.gamma / np.sqrt(norm.moving_variance + norm.epsilon)
            shift = norm.beta - norm.moving_mean * scale
            for i, part in enumerate(parts):
                output[query, values] += (
                    part * scale[i, 0, head, 0] + shift[i, 0, head, 0]
                )
    return output


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_equals_loops_over_pairs_of_positions(axis, relative, kind):
    layer = attention(axis, relative, activation=kind)
    x = features()
    output = layer(x).numpy()
    assert output.shape == (2, 3, 6, HEADS * VALUES)
    for b in range(2):
        for other in range(x.shape[3 - axis]):
            at = (b, slice(None), other) if axis == 1 else (b, other)
            expected = by_loops(layer, x[at], relative, sigmoid=kind == "sigmoid")
            np.testing.assert_allclose(output[at], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [1, 4, 6, 50])
def test_local_attention_does_not_depend_on_its_blocks(block):
    layer = attention(block=block, halo=2)
    x = features(height=1, width=11)
    expected = by_loops(layer, x[1, 0], reach=2)
    np.testing.assert_allclose(layer(x)[1, 0], expected, rtol=1e-4, atol=1e-5)


def test_averages_become_those_of_the_batch():
    layer = attention(norm=NormConfig(momentum=0.5))
    x = features(height=12, width=14, batch=4)
    assert not np.allclose(layer(x, training=True), layer(x), atol=0.1)
    for _ in range(30):
        layer(x, training=True)
    np.testing.assert_allclose(layer(x), layer(x, training=True), rtol=0.01, atol=0.02)


def test_any_length_after_the_first():
    layer = AxialAttention2D(1, config(), norm=NORM)
    layer(features(height=2, width=3))
    randomize(layer)
    large, small = features(height=9, width=7), features(height=1, width=1)
    traced = tf.function(layer, input_signature=[tf.TensorSpec([None] * 3 + [4])])
    for x in (large, small):
        np.testing.assert_allclose(traced(x), layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [AxialAttention2D, GlobalAttention2D])
def test_strides_take_every_second_output(kind):
    whole, strided = (kind(1, config(), norm=NORM, strides=s) for s in (1, 2))
    x = features(height=5, width=6)
    for layer in (whole, strided):
        layer(x)
        randomize(layer)
    expected = whole(x)[:, ::2, ::2]
    if kind is GlobalAttention2D:
        np.testing.assert_allclose(strided(x), expected, rtol=1e-5, atol=1e-6)
    assert strided(x).shape == expected.shape


def test_global_attention_is_attention_along_the_flattened_plane():
    layer = GlobalAttention2D(1, config(), norm=NORM)
    x = features(height=3, width=4)
    layer(x)
    randomize(layer)
    expected = by_loops(layer._global, x[1].reshape(-1, 4), relative=False)
    output = layer(x)[1].numpy().reshape(-1, HEADS * VALUES)
    np.testing.assert_allclose(output, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [0, 4])
def test_xla_gives_the_same(block):
    layer = attention(block=block, halo=3)
    x = features(height=2, width=9)
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(x), layer(x), rtol=1e-4, atol=1e-5)


def test_half_precision_weighs_in_full():
    """Large similarities: a softmax in bfloat16 would lose the second digit."""
    expected = attention()(features())
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        layer = attention()
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    output = layer(tf.cast(features(), tf.bfloat16))
    assert output.dtype == tf.bfloat16
    scale = np.abs(expected).max()
    assert np.abs(tf.cast(output, tf.float32) - expected).max() < 0.04 * scale


def test_heads_must_share_the_channels():
    with pytest.raises(ValueError, match="3 heads cannot share 8 channels of keys"):
        AxialAttention(
            8, AxialAttentionConfig(num_heads=3), axis=1, name="a", norm=NORM
        )
