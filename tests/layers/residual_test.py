import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.layers.residual import (
    BlockOptions,
    BottleneckChannels,
    InvertedBottleneck,
    ResidualBlock,
    Sampling,
    SpatialKernel,
)
from deeplab.layers.stems import InceptionStem, resnet_stem, wide_stem

NORM = NormConfig()


@pytest.mark.parametrize("channels", [(4, 4), (2, 2, 4), (2, 3, 4)])
def test_a_new_block_passes_its_input_on(channels):
    block = ResidualBlock(4, channels, name="b", norm=NORM)
    x = tf.random.normal([2, 5, 7, 4])
    features, activated = block(x, training=False)
    np.testing.assert_allclose(features, x, atol=1e-6)
    np.testing.assert_allclose(activated, tf.nn.relu(x), atol=1e-6)


@pytest.mark.parametrize(("in_channels", "stride"), [(4, 1), (4, 2), (3, 2), (3, 1)])
def test_the_shortcut_projects_where_channels_differ(in_channels, stride):
    block = ResidualBlock(
        in_channels, (4, 4), name="b", norm=NORM, sampling=Sampling(strides=stride)
    )
    x = tf.random.normal([1, 5, 6, in_channels])
    features, _ = block(x, training=False)
    assert features.shape == [1, -(-5 // stride), -(-6 // stride), 4]
    projected = any("shortcut" in v.name for v in block.variables)
    assert projected == (in_channels != 4)
    if not projected:
        np.testing.assert_allclose(features, x[:, ::stride, ::stride], atol=1e-6)


def test_paths_are_dropped_in_training_only():
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    block = ResidualBlock(
        2, (2, 2), name="b", norm=NORM, options=BlockOptions(keep_prob=0.5)
    )
    x = tf.random.normal([64, 3, 3, 2])
    block(x)
    block._conv2_bn._batch_norm.gamma.assign([1.0, 1.0])
    features, _ = block(x, training=True)
    kept = np.abs(features - x).max((1, 2, 3)) > 1e-6
    assert 10 < kept.sum() < 54
    features, _ = block(x, training=False)
    assert (np.abs(features - x).max((1, 2, 3)) > 1e-6).all()


def test_inverted_bottleneck_adds_its_input_where_asked():
    channels = BottleneckChannels(inputs=4, expanded=8, outputs=4, squeezed=8)
    kernel = SpatialKernel(3)
    options = {"activation": "relu", "name": "b", "norm": NORM}
    x = tf.random.normal([1, 5, 5, 4])
    plain = InvertedBottleneck(channels, kernel, residual=False, **options)
    added = InvertedBottleneck(channels, kernel, residual=True, **options)
    plain(x), added(x)
    added.set_weights(plain.get_weights())
    np.testing.assert_allclose(added(x)[0], plain(x)[0] + x, rtol=1e-5, atol=1e-6)
    assert plain(x)[1].shape == [1, 5, 5, 8]


def test_inverted_bottleneck_need_not_widen_nor_squeeze():
    block = InvertedBottleneck(
        BottleneckChannels(inputs=4, expanded=4, outputs=6),
        SpatialKernel(5, strides=2),
        activation="hard_swish",
        residual=False,
        name="b",
        norm=NORM,
    )
    output, filtered = block(tf.zeros([1, 7, 7, 4]))
    assert output.shape == [1, 4, 4, 6]
    assert filtered.shape == [1, 4, 4, 4]
    assert not any("expand" in v.name or "squeeze" in v.name for v in block.variables)


@pytest.mark.parametrize(
    ("stem", "channels"),
    [
        (resnet_stem(1.0, NORM), 64),
        (wide_stem(0.5, NORM), 32),
        (InceptionStem(0.25, NORM), 32),
    ],
)
def test_stems_halve_the_image_and_do_not_activate(stem, channels):
    output = stem(tf.random.normal([1, 9, 12, 3]))
    assert output.shape == [1, 5, 6, channels]
    assert float(tf.reduce_min(output)) < 0
