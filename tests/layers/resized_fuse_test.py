import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers.resized_fuse import ResizedFuse
from deeplab.ops.resize import resize_bilinear


def test_features_are_projected_resized_and_added():
    layer = ResizedFuse(4, name="fuse", norm=NormConfig(), halved=[1])
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 4, 6), (2, 9, 13, 8), (2, 5, 7, 4)]
    inputs = [tf.constant(rng.normal(size=s), tf.float32) for s in shapes]
    output = layer(inputs, (5, 7))
    names = {
        v.path if hasattr(v, "path") else v.name for v in layer.trainable_variables
    }
    assert any("resized_conv_bn1" in name for name in names)
    assert any("strided_conv_bn2" in name for name in names)
    assert not any("bn3" in name for name in names)
    first = layer._resized_conv_bn1(tf.nn.relu(inputs[0]))
    second = layer._strided_conv_bn2(tf.nn.relu(inputs[1]))
    assert second.shape == (2, 5, 7, 4)
    expected = tf.nn.relu(resize_bilinear(first, (5, 7)) + second + inputs[2])
    np.testing.assert_allclose(output, expected, rtol=1e-6)
    np.testing.assert_array_equal(np.shape(layer(inputs[:3], (9, 2))[:1]), (1, 9, 2, 4))


def test_another_number_of_inputs_is_refused():
    layer = ResizedFuse(4, name="fuse", norm=NormConfig())
    layer([tf.zeros([1, 3, 3, 4])], (3, 3))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        layer([tf.zeros([1, 3, 3, 4])] * 2, (3, 3))
