import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers import aspp
from deeplab.layers.aspp import ASPP

NORM = NormConfig()


def windows(x, height, width):
    """The mean of every window that lies inside, one at a time."""
    height, width = min(height, x.shape[0]), min(width, x.shape[1])
    return np.array(
        [
            [
                x[i : i + height, j : j + width].mean((0, 1))
                for j in range(x.shape[1] - width + 1)
            ]
            for i in range(x.shape[0] - height + 1)
        ]
    )


@pytest.mark.parametrize("window", [(2, 3), (5, 6), (9, 2), (9, 9), (1, 1)])
@pytest.mark.parametrize("static", [True, False])
def test_moving_mean_covers_every_window_inside(window, static):
    x = np.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
    shape = [1, 5, 6, 3] if static else [None, None, None, 3]
    pool = tf.function(
        lambda value: aspp._moving_mean(value, window),
        input_signature=[tf.TensorSpec(shape)],
    )
    pooled = pool(x[np.newaxis])[0]
    np.testing.assert_allclose(pooled, windows(x, *window), rtol=1e-4, atol=1e-5)


def test_window_of_the_image_size_pools_the_image():
    layer = ASPP(4, (1, 2, 3), norm=NORM)
    x = tf.random.normal([2, 5, 7, 3])
    np.testing.assert_allclose(layer(x), layer(x, pool_size=(5, 7)), rtol=1e-5)
    np.testing.assert_allclose(layer(x), layer(x, pool_size=(50, 70)), rtol=1e-5)
    assert np.abs(layer(x) - layer(x, pool_size=(2, 2))).max() > 1e-4


def test_projection_alone_looks_at_single_pixels():
    layer = ASPP(4, (), norm=NORM, only_projection=True)
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 3)).astype("float32")
    before = layer(tf.constant(x)).numpy()
    x[0, 0, 0] += 1.0
    changed = np.abs(layer(tf.constant(x)).numpy() - before).max((0, 3)) > 0
    assert changed[0, 0]
    assert changed.sum() == 1
    assert len(layer.trainable_variables) == 3


def test_branches_reach_as_far_as_their_rates():
    layer = ASPP(8, (1, 2, 4), norm=NORM)
    x = np.zeros((1, 11, 11, 1), "float32")
    layer(tf.constant(x))
    for branch, rate in (("_aspp_conv1", 1), ("_aspp_conv2", 2), ("_aspp_conv3", 4)):
        conv = getattr(layer, branch)._conv_bn_act._conv
        image = x.copy()
        image[0, 5, 5] = 1.0
        rows = np.nonzero(np.abs(conv(tf.constant(image))).sum((0, 2, 3)))[0]
        assert rows.tolist() == [5 - rate, 5, 5 + rate]


def test_three_rates_are_asked_for():
    with pytest.raises(ValueError, match=r"\[6, 12\].*three rates"):
        ASPP(4, (6, 12), norm=NORM)
