import numpy as np
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers.normalization import batch_norm
from deeplab.layers.recompute import is_recomputing, recompute


def test_options_reach_the_layer():
    layer = batch_norm(NormConfig(sync=True, momentum=0.9, epsilon=0.01))
    assert (layer.synchronized, layer.momentum, layer.epsilon) == (True, 0.9, 0.01)
    zeros = batch_norm(NormConfig(), gamma_initializer="zeros")
    assert not np.any(zeros(tf.ones([2, 3, 3, 4]), training=True))


def test_affine_is_what_inference_does():
    layer = batch_norm(NormConfig())
    x = tf.random.normal([2, 3, 3, 4])
    layer(x)
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.5, 2, 4) for _ in range(4)])
    scale, shift = layer.affine()
    np.testing.assert_allclose(
        layer(x, training=False), x * scale + shift, rtol=1e-4, atol=1e-5
    )


def test_averages_move_once_when_recomputed():
    x = tf.random.normal([4, 3, 3, 2], mean=5.0)
    means = []
    for wrap in (lambda f: f, recompute):
        layer = batch_norm(NormConfig(momentum=0.5))
        layer(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = wrap(lambda value, layer=layer: layer(value, training=True))(x)
            loss = tf.reduce_sum(y**3)
        tape.gradient(loss, [x, layer.gamma])
        means.append(layer.moving_mean.numpy())
    np.testing.assert_allclose(means[0], x.numpy().mean((0, 1, 2)) / 2, rtol=1e-5)
    np.testing.assert_array_equal(*means)


def test_recomputing_is_known_inside_only():
    seen = []

    def function(x):
        seen.append(is_recomputing())
        return x * x

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = recompute(function)(x)
    assert float(tape.gradient(y, x)) == 6.0
    assert seen == [False, True]
    assert not is_recomputing()
