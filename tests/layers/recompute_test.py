"""Recomputed gradients: the same values, from a second run that comes late enough."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.layers.recompute import is_recomputing, recompute


def make_block(name, scale, events):
    def note(values):
        events.append(name)
        return values

    def block(x):
        # Without state, TensorFlow is free to move, merge and drop the note.
        noted = tf.numpy_function(note, [x], tf.float32, stateful=False)
        x = x + tf.stop_gradient(tf.ensure_shape(noted, x.shape) - x)
        return tf.nn.relu(x), tf.tanh(scale * x)

    return block


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_are_those_of_the_function(jit_compile):
    scale = tf.Variable(0.7)

    def block(x):
        return tf.nn.relu(x), tf.tanh(scale * x)

    @tf.function(jit_compile=jit_compile)
    def gradients(x, function):
        with tf.GradientTape() as tape:
            tape.watch(x)
            one, other = function(x)
            _, last = function(other)
            loss = tf.reduce_sum(one) + tf.reduce_sum(last**2)
        return loss, *tape.gradient(loss, [x, scale])

    x = tf.constant([-1.0, 0.5, 2.0])
    expected = gradients(x, block)
    found = gradients(x, recompute(block))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_second_run_waits_for_the_gradient_of_what_follows():
    """Also where the first output leads nowhere, so that its gradient is constant."""
    events = []
    scale = tf.Variable(0.7)
    first, second = (recompute(make_block(n, scale, events)) for n in ("a", "b"))

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            _, x = first(x)
            _, x = second(x)
            loss = tf.reduce_sum(x**2)
        return tape.gradient(loss, scale)

    gradient(tf.constant([-1.0, 0.5, 2.0]))
    assert events == ["a", "b", "b", "a"]


def test_an_infinite_gradient_stays_visible():
    x = tf.constant([0.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        (root,) = recompute(lambda x: (tf.sqrt(x),))(x)
    assert np.isinf(tape.gradient(root, x).numpy())


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
