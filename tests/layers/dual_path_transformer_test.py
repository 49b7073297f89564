"""Attention of the memory against loops, and what the two paths hand each other."""

import numpy as np
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers.dual_path_transformer import DualPathTransformer, TransformerConfig
from deeplab.layers.memory_attention import MemoryAttention

NORM = NormConfig()
CONFIG = TransformerConfig(channels=8, num_heads=2, feed_forward_channels=12)


def randomize(layer, seed=0):
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        noise = rng.normal(0, 0.5, variable.shape)
        positive = "gamma" in variable.name or "variance" in variable.name
        variable.assign(np.abs(noise) + 0.3 if positive else noise)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_attention_equals_loops_over_queries():
    layer = MemoryAttention(name="a", norm=NORM, activation="relu")
    query, key, value = random(2, 3, 4, 5), random(2, 3, 6, 5), random(2, 3, 6, 7)
    layer(query, key, value)
    randomize(layer)
    output = layer(query, key, value).numpy()
    scale, shift = (v.numpy() for v in layer._batch_norm_similarity.affine())
    factor, summand = (v.numpy() for v in layer._batch_norm_retrieved_value.affine())
    for b in range(2):
        for head in range(3):
            for q in range(4):
                logits = [
                    query[b, head, q] @ k * scale[head] + shift[head]
                    for k in key[b, head]
                ]
                weights = np.exp(logits - np.max(logits))
                found = weights / weights.sum() @ value[b, head]
                found = found * factor[0, head, 0] + summand[0, head, 0]
                part = output[b, q, head * 7 : (head + 1) * 7]
                np.testing.assert_allclose(
                    part, np.maximum(found, 0), rtol=1e-4, atol=1e-5
                )


def built(keep_prob=1.0):
    layer = DualPathTransformer(6, 10, CONFIG, name="t", norm=NORM, keep_prob=keep_prob)
    layer(random(1, 2, 2, 6), random(1, 3, 10))
    randomize(layer)
    return layer


def test_both_paths_see_each_other():
    layer = built()
    pixels, memory = random(1, 3, 4, 6), random(1, 5, 10, seed=1)
    plain, activated, updated = layer(pixels, memory)
    assert plain.shape == (1, 3, 4, 6)
    assert updated.shape == (1, 5, 10)
    np.testing.assert_array_equal(activated, np.maximum(plain, 0))
    other = layer(pixels + 1, memory)[2]
    assert np.abs(other - updated).max() > 1e-3
    other = layer(pixels, memory + 1)[0]
    assert np.abs(other - plain).max() > 1e-3


def test_order_of_memory_and_pixels_does_not_matter():
    layer = built()
    pixels, memory = random(1, 3, 4, 6), random(1, 5, 10, seed=1)
    plain, _, updated = layer(pixels, memory)
    flipped, _, reversed_memory = layer(pixels[:, ::-1], memory[:, ::-1])
    np.testing.assert_allclose(flipped[:, ::-1], plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(reversed_memory[:, ::-1], updated, rtol=1e-4, atol=1e-5)


def test_a_fresh_layer_changes_nothing_but_the_activation():
    layer = DualPathTransformer(6, 10, CONFIG, name="t", norm=NORM)
    pixels, memory = random(1, 3, 4, 6), random(1, 5, 10, seed=1)
    plain, _, updated = layer(pixels, memory, training=True)
    np.testing.assert_array_equal(plain, pixels)
    np.testing.assert_array_equal(updated, np.maximum(memory, 0))


def test_paths_are_dropped_in_training_alone():
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    layer = built(keep_prob=1e-6)
    pixels, memory = random(2, 3, 4, 6), random(2, 5, 10, seed=1)
    plain, _, updated = layer(pixels, memory, training=True)
    np.testing.assert_array_equal(plain, pixels)
    np.testing.assert_array_equal(updated, np.maximum(memory, 0))
    assert np.abs(layer(pixels, memory)[0] - pixels).max() > 1e-3
