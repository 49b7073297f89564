"""k-means attention against a NumPy second opinion."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.core.structures import MaskOutput
from deeplab.layers.kmeans_attention import KMeansTransformerLayer, kmeans_sums

CHANNELS, SLOTS = 16, 5


def test_sums_by_hand():
    logits = tf.constant([[[[1.0, 2.0, 0.0], [5.0, 1.0, 0.0], [0.0, 3.0, 3.0]]]])
    values = tf.constant([[[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]]])
    # Pixels go to slots 1, 0 and, the first of two equal ones, 1 again.
    np.testing.assert_array_equal(
        kmeans_sums(logits, values), [[[2, 20], [5, 50], [0, 0]]]
    )


def test_sums_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 4, 6, SLOTS)).astype("float32")
    values = rng.normal(size=(2, 4, 6, 3)).astype("float32")
    expected = np.zeros((2, SLOTS, 3))
    for b, y, x in np.ndindex(2, 4, 6):
        expected[b, logits[b, y, x].argmax()] += values[b, y, x]
    np.testing.assert_allclose(kmeans_sums(logits, values), expected, atol=1e-5)


def test_sums_keep_their_precision():
    # 4097 ones: bfloat16 would stop at 256.
    values = tf.ones([1, 17, 241, 1], tf.bfloat16)
    logits = tf.zeros([1, 17, 241, 2], tf.bfloat16)
    np.testing.assert_array_equal(kmeans_sums(logits, values), [[[4097], [0]]])


def test_choice_has_no_gradient():
    logits = tf.random.stateless_normal([1, 2, 3, SLOTS], [1, 2])
    values = tf.random.stateless_normal([1, 2, 3, 4], [3, 4])
    with tf.GradientTape() as tape:
        tape.watch([logits, values])
        total = tf.reduce_sum(kmeans_sums(logits, values))
    of_logits, of_values = tape.gradient(total, [logits, values])
    assert of_logits is None
    np.testing.assert_array_equal(of_values, np.ones([1, 2, 3, 4]))


class Nearest(tf_keras.layers.Layer):
    """Predicts masks by the inner product with the centres, without weights."""

    def call(self, features, training=False):
        logits = tf.einsum(
            "bhwc,bsc->bhws",
            features["feature_panoptic"],
            features["transformer_mask_feature"],
        )
        return MaskOutput(
            tf.cast(logits, tf.float32),
            features["transformer_class_feature"],
            features["feature_panoptic"],
        )


def build(**options):
    return KMeansTransformerLayer(
        Nearest(), channels=CHANNELS, name="layer", norm=NormConfig(), **options
    )


def inputs(height=3, width=4, batch=2):
    return (
        tf.random.stateless_normal([batch, height, width, 6], [1, 1]),
        tf.random.stateless_normal([batch, SLOTS, CHANNELS], [2, 2]),
    )


def randomized(layer):
    layer(*inputs())
    rng = np.random.default_rng(0)
    for variable in layer.variables:
        noise = rng.normal(0, 0.3, variable.shape)
        positive = "gamma" in variable.name or "variance" in variable.name
        variable.assign(abs(1 + noise) if positive else noise)
    return layer


def gelu(x):
    return np.vectorize(lambda v: v * 0.5 * (1 + float(tf.math.erf(v / 2**0.5))))(x)


def normalized(layer, x, axis=-1):
    shape = np.ones(x.ndim, int)
    for a in np.atleast_1d(axis):
        shape[a] = x.shape[a]
    gamma, beta, mean, variance = (
        np.reshape(v, shape)
        for v in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    )
    return (x - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


def projected(layer, x):
    return normalized(layer._batch_norm, x @ layer._conv.kernel.numpy()[0])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def second_opinion(layer, pixels, centers):
    """The layer in the order of the paper, one head and one image at a time."""
    pixels, centers = pixels.numpy().astype(float), centers.numpy().astype(float)
    batch = len(pixels)
    memory = gelu(projected(layer._memory_conv1_bn_act, centers))
    seen = gelu(projected(layer._pixel_conv1_bn_act, gelu(pixels)))
    seen = seen.reshape(batch, -1, CHANNELS)
    values = projected(layer._pixel_v_conv_bn, seen)
    sums = np.zeros_like(centers)
    for b in range(batch):
        for pixel, value in zip(seen[b], values[b], strict=True):
            sums[b, (memory[b] @ pixel).argmax()] += value
    update = normalized(layer._kmeans_memory_batch_norm_retrieved_value, sums)
    update = projected(layer._kmeans_memory_conv3_bn, update)

    qkv = projected(layer._memory_qkv_conv_bn, memory)
    half = CHANNELS // 2
    query, key, value = qkv[..., :half], qkv[..., half:CHANNELS], qkv[..., CHANNELS:]
    attention = layer._memory_attention
    similarity = np.stack(
        [query[..., i : i + 1] @ key[..., i : i + 1].mT for i in range(8)], 1
    )
    weights = softmax(normalized(attention._batch_norm_similarity, similarity, 1))
    found = np.stack(
        [weights[:, i] @ value[..., 2 * i : 2 * i + 2] for i in range(8)], 1
    )
    found = gelu(normalized(attention._batch_norm_retrieved_value, found, (1, 3)))
    attended = np.concatenate(list(found.swapaxes(0, 1)), -1)
    attended = projected(layer._memory_conv3_bn, attended)

    moved = gelu(centers + update + attended)
    path = gelu(projected(layer._memory_ffn_conv1_bn_act, moved))
    return gelu(moved + projected(layer._memory_ffn_conv2_bn, path))


def test_layer_is_as_in_numpy():
    layer = randomized(build())
    pixels, centers = inputs()
    moved, prediction = layer(pixels, centers, training=False)
    np.testing.assert_allclose(
        moved, second_opinion(layer, pixels, centers), rtol=1e-4, atol=1e-4
    )
    assert prediction.pixel_space_mask_logits.shape == [2, 3, 4, SLOTS]


def test_every_weight_learns_except_through_the_choice():
    layer = randomized(build())
    with tf.GradientTape() as tape:
        moved, _ = layer(*inputs(), training=True)
        loss = tf.reduce_sum(moved**2)
    gradients = tape.gradient(loss, layer.trainable_variables)
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name
        assert np.abs(gradient).max() > 0, variable.name


def test_a_new_layer_only_activates():
    layer = build()
    pixels, centers = inputs()
    moved, _ = layer(pixels, centers)
    np.testing.assert_allclose(moved, gelu(gelu(centers)), atol=1e-5)


def test_drop_path_drops_whole_paths_of_images():
    layer = randomized(build(keep_prob=0.5))
    pixels, centers = inputs(batch=1)
    many = [tf.repeat(x, 64, axis=0) for x in (pixels, centers)]
    moved, _ = layer(*many, training=True)
    # Three paths, kept or not: eight outcomes at most, and more than one.
    outcomes = np.unique(np.round(moved.numpy().sum((1, 2)), 1))
    assert 1 < len(outcomes) <= 8
    evaluated, _ = layer(*many, training=False)
    np.testing.assert_allclose(evaluated - evaluated[:1], 0, atol=1e-4)


def test_order_of_slots_does_not_matter():
    layer = randomized(build())
    pixels, centers = inputs()
    order = [3, 1, 4, 0, 2]
    moved, _ = layer(pixels, centers)
    permuted, _ = layer(pixels, tf.gather(centers, order, axis=1))
    np.testing.assert_allclose(permuted, tf.gather(moved, order, axis=1), atol=1e-4)


def test_compiles_at_any_size():
    layer = randomized(build())
    run = tf.function(
        lambda p, c: layer(p, c)[0],
        input_signature=[
            tf.TensorSpec([None, None, None, 6]),
            tf.TensorSpec([None, SLOTS, CHANNELS]),
        ],
        jit_compile=True,
    )
    for size in ((3, 4), (1, 1), (5, 2)):
        np.testing.assert_allclose(
            run(*inputs(*size)), layer(*inputs(*size))[0], rtol=1e-4, atol=1e-4
        )


def test_channels_must_suit_the_heads():
    with pytest.raises(ValueError, match="24 channels are not a multiple of 16"):
        KMeansTransformerLayer(Nearest(), channels=24, name="x", norm=NormConfig())
