"""The video models on small random networks."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab import factory
from deeplab.config import parse_config
from deeplab.core.structures import MotionOutput, VideoDepthOutput, present
from tests.e2e import tiny_video
from tests.parity import parity


@pytest.fixture(scope="module")
def models():
    found = {}
    for name in ("motion_deeplab", "vip_deeplab"):
        config = parse_config(tiny_video.config_text(name))
        found[name] = factory.build_model(config)
        parity.fill_weights(found[name].checkpoint_items)
    return found


def frames(count, height=33, width=65):
    images = [parity.input_image(height, width, 3, seed) for seed in range(count)]
    return [tf.constant(image) for image in images]


def test_training_outputs_are_as_large_as_the_image(models):
    images = tf.zeros([2, 33, 65, 7])
    output = models["motion_deeplab"](images, training=True).main
    assert isinstance(output, MotionOutput)
    output = models["vip_deeplab"](images[..., :6], training=True).main
    assert isinstance(output, VideoDepthOutput)
    for value in present(output).values():
        assert value.shape[:3] == [2, 33, 65]
    assert np.all((output.depth_pred >= 0) & (output.depth_pred <= 88))


def test_a_step_is_a_call_with_the_heatmap_of_the_state(models):
    model = models["motion_deeplab"]
    first, second = frames(2)
    state = model.video.initial_state(33, 65)
    _, after = model.video.step(tf.concat([first, first], -1), state)
    assert after.heatmap.shape == [1, 33, 65]
    after = after._replace(heatmap=100 * first[..., 0])
    prediction, _ = model.video.step(tf.concat([second, first], -1), after)
    channels = [second, first, after.heatmap[..., None]]
    called = model(tf.concat(channels, axis=-1), training=False)
    np.testing.assert_array_equal(prediction.semantic_pred, called.semantic_pred)
    np.testing.assert_allclose(
        prediction.frame_offset_map, called.frame_offset_map, atol=1e-5
    )
    other, _ = model.video.step(tf.concat([second, first], -1), state)
    assert np.any(other.center_heatmap != prediction.center_heatmap)


def test_nothing_is_remembered_by_the_model(models):
    for model in models.values():
        pair = tf.concat(frames(2), axis=-1)
        before = [v.numpy() for v in model.variables]
        state = model.video.initial_state(33, 65)
        once, _ = model.video.step(pair, state)
        twice, _ = model.video.step(pair, state)
        np.testing.assert_array_equal(once.panoptic_pred, twice.panoptic_pred)
        for variable, value in zip(model.variables, before, strict=True):
            np.testing.assert_array_equal(variable, value)


def test_a_frame_is_seen_the_same_as_first_and_as_second(models):
    """What two passes over swapped frames give, as published, one gives."""
    model = models["vip_deeplab"]
    first, second = frames(2)
    pair, swapped = (
        model.network(tf.concat(frames, -1) / 127.5 - 1).main
        for frames in ((first, second), (second, first))
    )
    for ours, theirs in (
        (pair.next_semantic_logits, swapped.semantic_logits),
        (pair.next_center_heatmap, swapped.center_heatmap),
        (pair.next_own_offset_map, swapped.offset_map),
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_scales_and_flips_of_a_pair_are_averaged(models):
    config = parse_config(tiny_video.config_text("vip_deeplab"))
    config.evaluator_options.eval_scales[:] = [1.0, 0.5]
    config.evaluator_options.add_flipped_images = True
    model = factory.build_model(config)
    parity.fill_weights(model.checkpoint_items)
    pair = tf.concat(frames(2), axis=-1)
    prediction = model(pair, training=False)
    mirrored = model(tf.reverse(pair, [2]), training=False)
    for field in ("semantic_probs", "depth_pred", "next_offset_map"):
        value = getattr(mirrored, field).numpy()[:, :, ::-1]
        if field == "next_offset_map":
            value = value * [1, -1]
        np.testing.assert_allclose(
            getattr(prediction, field), value, atol=1e-4, err_msg=field
        )
