import numpy as np
import tensorflow as tf

from deeplab.layers.squeeze_excite import SimplifiedSqueezeExcite, SqueezeExcite


def test_full_form_gates_by_two_projections_of_the_mean():
    layer = SqueezeExcite(2, 1, name="se")
    image = tf.random.normal([3, 4, 5, 2])
    layer(image)
    layer.set_weights(
        [
            np.array([[[[2.0], [1.0]]]]),
            np.array([0.25]),
            np.array([[[[1.0, -1.0]]]]),
            np.array([0.5, 0.0]),
        ]
    )
    mean = image.numpy().mean((1, 2))
    hidden = np.maximum(mean @ [[2.0], [1.0]] + 0.25, 0)
    gate = 1 / (1 + np.exp(-(hidden @ [[1.0, -1.0]] + [0.5, 0.0])))
    expected = image * gate[:, np.newaxis, np.newaxis]
    np.testing.assert_allclose(layer(image), expected, rtol=1e-5)


def test_simplified_form_gates_by_one_projection():
    layer = SimplifiedSqueezeExcite(1)
    image = tf.constant([[[[1.0], [3.0]]]])  # Its mean is 2.
    layer(image)
    layer.set_weights([np.array([[[[0.5]]]]), np.array([-1.0])])
    np.testing.assert_allclose(layer(image), image * 3 * 0.16667, rtol=1e-6)


def test_gates_open_and_close_entirely():
    layer = SimplifiedSqueezeExcite(1)
    layer(tf.ones([1, 2, 2, 1]))
    layer.set_weights([np.zeros((1, 1, 1, 1)), np.array([-3.0])])
    assert not np.any(layer(tf.ones([1, 2, 2, 1])))
