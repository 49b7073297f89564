import numpy as np
import tensorflow as tf

from deeplab.layers.dropout import Dropout


def test_inference_and_rate_zero_change_nothing():
    x = tf.random.normal([2, 3])
    assert Dropout(0.5)(x, training=False) is x
    assert Dropout(0.0)(x, training=True) is x


def test_the_rate_is_dropped_and_the_rest_scaled():
    dropped = Dropout(0.25)(tf.ones([100, 100]), training=True).numpy()
    # 10,000 draws: the standard deviation of the share is 0.0043.
    assert abs((dropped == 0).mean() - 0.25) < 0.02
    np.testing.assert_allclose(dropped[dropped > 0], 1 / 0.75, rtol=1e-6)


def test_what_is_drawn_follows_the_state_of_the_generator():
    generator = tf.random.Generator.from_seed(3)
    tf.random.set_global_generator(generator)
    layer = tf.function(lambda x: Dropout(0.5)(x, training=True))
    x = tf.ones([4, 4])
    layer(x)
    state = generator.state.numpy()
    second = layer(x).numpy()
    assert (layer(x).numpy() != second).any()
    generator.state.assign(state)
    np.testing.assert_array_equal(layer(x), second)
