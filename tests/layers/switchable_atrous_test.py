import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers.convolution import SwitchableConv2DSame
from deeplab.layers.switchable_atrous import GlobalContext, SwitchableAtrousConv2D


def test_context_adds_a_projection_of_the_mean():
    layer = GlobalContext()
    image = tf.random.normal([2, 3, 4, 2])
    np.testing.assert_array_equal(layer(image), image)  # Starts as zero.
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    layer.set_weights([kernel[np.newaxis, np.newaxis], np.array([0.5, -0.5])])
    mean = image.numpy().mean((1, 2))
    expected = image + (mean @ kernel + [0.5, -0.5])[:, np.newaxis, np.newaxis]
    np.testing.assert_allclose(layer(image), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("switch", "rate"), [(0.0, 1), (1.0, 3)])
def test_the_switch_chooses_the_rate(switch, rate):
    layer = SwitchableAtrousConv2D(3, 3, padding="same", use_bias=False)
    image = tf.random.normal([1, 9, 9, 2])
    layer(image)
    layer._switch.set_weights([np.zeros((1, 1, 2, 1)), np.array([switch])])
    expected = tf.nn.conv2d(image, layer.kernel, 1, "SAME", dilations=rate)
    np.testing.assert_allclose(layer(image), expected, rtol=1e-4, atol=1e-5)


def test_the_switch_looks_at_five_pixels_around():
    layer = SwitchableAtrousConv2D(1, 1, padding="same", use_bias=False)
    image = np.zeros((1, 9, 9, 1), "float32")
    image[0, 4, 4] = 25.0
    layer(tf.constant(image))
    layer._switch.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    switch = layer._switch(tf.nn.avg_pool2d(image, 5, 1, "SAME"))
    assert (switch.numpy()[0, :, :, 0] > 0).sum() == 25


def test_strided_blocks_keep_their_contexts_but_have_no_switch():
    layer = SwitchableConv2DSame(4, 3, name="c", norm=NormConfig(), strides=2)
    assert layer(tf.zeros([1, 5, 5, 3])).shape == [1, 3, 3, 4]
    names = [v.name for v in layer.variables]
    assert any("pre_global_context" in name for name in names)
    assert not any("switch" in name for name in names)
