"""A whole exchange between pixels and memory: by loops, compiled, in half precision."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.dual_path_transformer import DualPathTransformer, TransformerConfig

HEADS = 2
CONFIG = TransformerConfig(
    channels=4, num_heads=HEADS, feed_forward_channels=6, bottleneck_expansion=2
)
PIXELS, MEMORY = 5, 3  # Channels.


def transformer(dtype=tf.float32, **options):
    layer = DualPathTransformer(
        PIXELS, MEMORY, CONFIG, name="t", norm=NormConfig(), **options
    )
    layer(*(tf.cast(x, dtype) for x in inputs()))
    return layer


def randomized(**options):
    layer = transformer(**options)
    rng = np.random.default_rng(0)
    for variable in layer.variables:
        value = rng.normal(0, 0.5, variable.shape)
        positive = "variance" in variable.name or "gamma" in variable.name
        variable.assign(np.asarray(np.abs(value) + 0.2 if positive else value, "f4"))
    return layer


def inputs(height=3, width=4, slots=6, batch=2, seed=0):
    pixels = tf.random.stateless_normal([batch, height, width, PIXELS], [seed, 1])
    return pixels, tf.random.stateless_normal([batch, slots, MEMORY], [seed, 2])


def normalized(x, layer, axis=-1):
    shape = [1] * x.ndim
    if isinstance(axis, int):
        shape[axis] = x.shape[axis]
    else:
        for i in axis:
            shape[i] = x.shape[i]
    gamma, beta, mean, variance = (
        np.reshape(v, shape)
        for v in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    )
    return (x - mean) * gamma / np.sqrt(variance + layer.epsilon) + beta


def projected(x, layer, active=False):
    x = normalized(x @ layer._conv.kernel.numpy()[0], layer._batch_norm)
    return np.maximum(x, 0) if active else x


def attended(query, key, value, layer):
    """Attends position by position, head by head."""
    batch, queries, keys = len(query), query.shape[1], key.shape[1]

    def heads(x):
        return x.reshape(batch, x.shape[1], HEADS, -1)

    query, key, value = heads(query), heads(key), heads(value)
    similarity = np.zeros([batch, HEADS, queries, keys])
    for b, h, i, j in np.ndindex(similarity.shape):
        similarity[b, h, i, j] = query[b, i, h] @ key[b, j, h]
    similarity = normalized(similarity, layer._batch_norm_similarity, 1)
    found = np.zeros([batch, HEADS, queries, value.shape[-1]])
    for b, h, i in np.ndindex(found.shape[:3]):
        weights = np.exp(similarity[b, h, i] - similarity[b, h, i].max())
        for j in range(keys):
            found[b, h, i] += weights[j] / weights.sum() * value[b, j, h]
    found = normalized(found, layer._batch_norm_retrieved_value, (1, 3))
    found = np.maximum(found, 0)
    return found.transpose(0, 2, 1, 3).reshape(batch, queries, -1)


def exchanged(layer, pixels, memory):
    """Memory looks at pixels and memory, then pixels at the memory that was."""
    flat = pixels.reshape(len(pixels), -1, PIXELS)
    m = projected(memory, layer._memory_conv1_bn_act, active=True)
    p = projected(np.maximum(flat, 0), layer._pixel_conv1_bn_act, active=True)
    mq, mk, mv = np.split(projected(m, layer._memory_qkv_conv_bn), [4, 8], axis=-1)
    pq, pk, pv = np.split(projected(p, layer._pixel_qkv_conv_bn), [4, 8], axis=-1)
    keys, values = np.concatenate([pk, mk], 1), np.concatenate([pv, mv], 1)
    found = attended(mq, keys, values, layer._memory_attention)
    memory = np.maximum(memory + projected(found, layer._memory_conv3_bn), 0)
    fed = projected(memory, layer._memory_ffn_conv1_bn_act, active=True)
    memory = np.maximum(memory + projected(fed, layer._memory_ffn_conv2_bn), 0)
    seen = attended(pq, mk, mv, layer._pixel_attention)
    flat = flat + projected(seen, layer._pixel_conv3_bn)
    return flat.reshape(pixels.shape), memory


def test_equals_loops_over_positions():
    layer = randomized()
    given = inputs()
    pixels, activated, memory = layer(*given)
    expected_pixels, expected_memory = exchanged(layer, *(x.numpy() for x in given))
    np.testing.assert_allclose(pixels, expected_pixels, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(activated, np.maximum(expected_pixels, 0), atol=1e-4)
    np.testing.assert_allclose(memory, expected_memory, rtol=1e-4, atol=1e-4)


def test_size_may_be_unknown_and_differ_from_the_first():
    layer = randomized()
    specs = [
        tf.TensorSpec([None, None, None, PIXELS]),
        tf.TensorSpec([None, None, MEMORY]),
    ]
    run = tf.function(lambda p, m: layer(p, m, training=False), input_signature=specs)
    given = inputs(height=1, width=7, slots=2)
    for ours, theirs in zip(run(*given), layer(*given), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_compiles(training):
    layer = randomized()
    before = [v.numpy() for v in layer.non_trainable_variables]
    expected = layer(*inputs(), training=training)
    for variable, value in zip(layer.non_trainable_variables, before, strict=True):
        variable.assign(value)
    compiled = tf.function(
        lambda p, m: layer(p, m, training=training), jit_compile=True
    )
    for ours, theirs in zip(compiled(*inputs()), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_bfloat16_is_close():
    exact = randomized()
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = transformer(tf.bfloat16)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    mixed.set_weights(exact.get_weights())
    rounded = [tf.cast(x, tf.bfloat16) for x in inputs()]
    for ours, theirs in zip(mixed(*rounded), exact(*inputs()), strict=True):
        assert ours.dtype == tf.bfloat16
        error = np.abs(tf.cast(ours, tf.float32) - theirs).mean()
        assert error < 0.05 * np.abs(theirs).mean()
