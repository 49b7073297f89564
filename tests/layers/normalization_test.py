import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers.normalization import normalization
from deeplab.layers.recompute import recompute


def test_batch_options_reach_the_layer():
    layer = normalization(NormConfig("sync_batch", momentum=0.9, epsilon=0.01))
    assert (layer.synchronized, layer.momentum, layer.epsilon) == (True, 0.9, 0.01)
    assert not normalization(NormConfig()).synchronized


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"unknown norm 'groups'; did you mean group"):
        normalization(NormConfig("groups"))


def test_averages_move_once_when_recomputed():
    x = tf.random.normal([4, 3, 3, 2], mean=5.0)
    means = []
    for wrap in (lambda f: f, recompute):
        layer = normalization(NormConfig(momentum=0.5))
        layer(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = wrap(lambda value, layer=layer: layer(value, training=True))(x)
            loss = tf.reduce_sum(y**3)
        tape.gradient(loss, [x, layer.gamma])
        means.append(layer.moving_mean.numpy())
    np.testing.assert_allclose(means[0], x.numpy().mean((0, 1, 2)) / 2, rtol=1e-5)
    np.testing.assert_array_equal(*means)


def randomize(layer, seed=0):
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])


def test_frozen_statistics_are_used_in_training_and_stay():
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, whatever the batch."""
    layer = normalization(NormConfig("frozen_batch", epsilon=0.01))
    x = np.random.default_rng(1).normal(3.0, 2.0, [2, 4, 5, 3]).astype("float32")
    layer(x)
    # A model that is made trainable as a whole cannot thaw it.
    layer.trainable = True
    randomize(layer)
    before = layer.get_weights()
    gamma, beta, mean, variance = before
    expected = (x - mean) / np.sqrt(variance + 0.01) * gamma + beta
    for training in (True, False):
        np.testing.assert_allclose(
            layer(x, training=training), expected, rtol=1e-4, atol=1e-5
        )
    assert layer.trainable_variables == []
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_groups_are_normalized_by_their_own_statistics():
    """One image and one group at a time."""
    layer = normalization(NormConfig("group", groups=2, epsilon=0.1))
    x = np.random.default_rng(1).normal(3.0, 2.0, [2, 4, 5, 6]).astype("float32")
    layer(x)
    randomize(layer)
    gamma, beta = layer.get_weights()
    expected = np.zeros_like(x)
    for image in range(2):
        for group in (slice(0, 3), slice(3, 6)):
            part = x[image, :, :, group]
            expected[image, :, :, group] = (part - part.mean()) / np.sqrt(
                part.var() + 0.1
            )
    expected = expected * gamma + beta
    for training in (True, False):
        np.testing.assert_allclose(
            layer(x, training=training), expected, rtol=1e-4, atol=1e-4
        )


def test_heads_are_groups():
    """Stacked similarities: each term, row and head by itself."""
    layer = normalization(NormConfig("group", epsilon=0.1).ungrouped(), axis=(0, 2))
    x = np.random.default_rng(1).normal(3.0, 2.0, [3, 4, 2, 5, 6]).astype("float32")
    layer(x)
    randomize(layer)
    gamma, beta = layer.get_weights()
    assert gamma.shape == (3, 1, 2, 1, 1)
    mean, variance = x.mean((3, 4), keepdims=True), x.var((3, 4), keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 0.1) * gamma + beta
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_groups_must_divide_the_channels_of_the_named_layer():
    layer = normalization(NormConfig("group", groups=4), name="stem_norm")
    with pytest.raises(ValueError, match=r"stem_norm: 4 groups cannot share 6 channel"):
        layer(tf.zeros([1, 2, 2, 6]))


def test_none_has_no_variables_and_changes_nothing():
    layer = normalization(NormConfig("none"))
    x = tf.random.normal([1, 2, 3, 4])
    np.testing.assert_array_equal(layer(x, training=True), x)
    assert layer.variables == []
