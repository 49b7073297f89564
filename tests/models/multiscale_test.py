import numpy as np
import pytest
import tensorflow as tf
from deeplab.models.multiscale import (
    average,
    mirror_output,
    predict_scales,
    resize_output,
)

from deeplab.core.structures import CenterOffsetOutput


def output(height=3, width=5):
    rng = np.random.default_rng(0)
    return CenterOffsetOutput(
        *(
            tf.constant(rng.normal(size=(1, height, width, c)), tf.float32)
            for c in (4, 1, 2)
        )
    )


def test_offsets_alone_grow_with_the_image():
    small = CenterOffsetOutput(*(tf.ones_like(v) for v in output()))
    large = resize_output(small, (5, 9))
    assert large.semantic_logits.shape == [1, 5, 9, 4]
    np.testing.assert_allclose(large.semantic_logits, np.ones((1, 5, 9, 4)), rtol=1e-6)
    np.testing.assert_allclose(large.center_heatmap, np.ones((1, 5, 9, 1)), rtol=1e-6)
    np.testing.assert_allclose(large.offset_map, np.full((1, 5, 9, 2), 2.0), rtol=1e-6)


def test_mirroring_turns_the_horizontal_offset_around():
    original = output()
    mirrored = mirror_output(original)
    np.testing.assert_array_equal(
        mirrored.semantic_logits, original.semantic_logits[:, :, ::-1]
    )
    dy, dx = tf.unstack(original.offset_map, axis=-1)
    np.testing.assert_array_equal(mirrored.offset_map[..., 0], dy[:, :, ::-1])
    np.testing.assert_array_equal(mirrored.offset_map[..., 1], -dx[:, :, ::-1])
    for ours, theirs in zip(mirror_output(mirrored), original, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_each_scale_sees_its_size_and_window():
    seen = []

    def network(images, pool_size):
        seen.append((*images.shape[1:3], pool_size))
        return output()

    outputs = predict_scales(
        network,
        tf.zeros([1, 33, 65, 3]),
        pool_size=(3, 5),
        scales=(0.5, 1.0, 1.25),
        add_flipped=True,
    )
    assert seen == [
        size
        for size in ((17, 33, (2, 3)), (33, 65, (3, 5)), (41, 81, (3, 6)))
        for _ in range(2)
    ]
    assert len(outputs) == 6
    assert all(o.offset_map.shape == [1, 33, 65, 2] for o in outputs)


def test_a_mirrored_pass_of_an_equivariant_network_agrees():
    def network(images, pool_size):
        assert pool_size is None
        column = tf.cast(tf.range(tf.shape(images)[2]), tf.float32)
        dx = 10.0 - column + tf.zeros_like(images[..., 0])
        # Looks for the brightest column, wherever it is.
        bright = tf.cast(tf.argmax(images[:, 0, :, 0], axis=-1), tf.float32)
        dx = bright[:, tf.newaxis, tf.newaxis] - column + 0.0 * dx
        return CenterOffsetOutput(
            images, images[..., :1], tf.stack([tf.zeros_like(dx), dx], axis=-1)
        )

    images = np.zeros((1, 4, 21, 3), "float32")
    images[:, :, 4] = 1.0
    straight, mirrored = predict_scales(network, tf.constant(images), add_flipped=True)
    for ours, theirs in zip(mirrored, straight, strict=True):
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_average(count):
    values = [tf.fill([2], float(i)) for i in range(count)]
    np.testing.assert_allclose(average(values), np.full(2, (count - 1) / 2))
