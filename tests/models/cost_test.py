import pytest
import tensorflow as tf
import tf_keras

from deeplab.models.cost import multiply_adds, parameter_counts


def test_convolution():
    # 4 x 5 pixels x 7 outputs, each of 3 x 3 x 3 products.
    layer = tf_keras.layers.Conv2D(7, 3, padding="same")
    assert multiply_adds(layer, 4, 5) == 4 * 5 * 7 * 27


def test_strided_grouped_convolution():
    # 2 x 3 pixels x 6 outputs, each of 3 x 3 x (6 / 2) products.
    layer = tf_keras.layers.Conv2D(6, 3, strides=2, padding="same", groups=2)
    assert multiply_adds(layer, 4, 6, channels=6) == 2 * 3 * 6 * 27


def test_depthwise_convolution():
    layer = tf_keras.layers.DepthwiseConv2D(5, padding="same", depth_multiplier=2)
    assert multiply_adds(layer, 4, 5) == 4 * 5 * 6 * 25


def test_products_in_functions():
    @tf.function
    def product(x):
        return tf.matmul(tf.reshape(x, [6, 4]), tf.ones([4, 9]))

    def batched(x):
        return tf.matmul(tf.reshape(x, [2, 3, 4]), tf.ones([2, 5, 4]), transpose_b=True)

    assert multiply_adds(product, 2, 4) == 6 * 9 * 4
    assert multiply_adds(batched, 2, 4) == 2 * 3 * 5 * 4


def test_transposed_product():
    def product(x):
        return tf.matmul(tf.reshape(x, [6, 4]), tf.ones([6, 9]), transpose_a=True)

    assert multiply_adds(product, 2, 4) == 4 * 9 * 6


def test_shape_that_is_known_too_late_is_named():
    def network(x):
        return tf.matmul(
            tf.boolean_mask(x[0, :, 0], x[0, :, 0, 0] > 0), tf.ones([3, 2])
        )

    with pytest.raises(ValueError, match="MatMul"):
        multiply_adds(network, 2, 4)


def test_shared_variables_count_once():
    shared = tf_keras.layers.Dense(3)
    shared.build([None, 5])
    norm = tf_keras.layers.BatchNormalization()
    norm.build([None, 5])
    counts = parameter_counts({"first": shared, "second": shared, "norm": norm})
    assert counts == {"first": (18, 0), "second": (0, 0), "norm": (10, 10)}
