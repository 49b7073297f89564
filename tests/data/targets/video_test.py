"""Targets of neighbouring frames and of depth, against a loop over instances."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.data.targets import NEEDS, TARGETS
from deeplab.data.targets.motion import noisy_centers
from deeplab.data.targets.segments import (
    PREVIOUS_HEATMAP,
    Frames,
    Segments,
    TargetOptions,
)
from tests.parity import scenes

INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)
OPTIONS = TargetOptions(sigma=2.0)


def moved(label, seed):
    """The label map a few pixels on; one instance is gone, one is new."""
    rng = np.random.default_rng(seed)
    label = np.roll(label, rng.integers(-6, 7, 2), (0, 1))
    instances = [i for i in np.unique(label) if i % 1000 and i < 255_000]
    if instances:
        label = np.where(label == instances[0], 0, label)
        label = np.where(label == instances[-1], 18777, label)
    return label.astype(np.int32)


RANDOM = [scenes.panoptic(65, 97, i, n=3 * i + 1) for i in range(5)]
PAIRS = {
    **{f"random {i}": (x, moved(x, i)) for i, x in enumerate(RANDOM)},
    "the same twice": (RANDOM[2], RANDOM[2]),
    "nothing in common": (RANDOM[2], np.full((65, 97), 18009, np.int32)),
    "no things": (np.zeros((9, 17), np.int32), np.zeros((9, 17), np.int32)),
    "all void": (np.full((9, 17), 255000, np.int32),) * 2,
    "crowds": (np.full((9, 17), 11000, np.int32),) * 2,
    "one pixel": (np.array([[12007]], np.int32),) * 2,
}


def offsets_oracle(drawn_on, centers_of):
    """Offsets at the pixels of one map to the centres of the same ids in another."""
    offsets = np.zeros((*drawn_on.shape, 2))
    for value in np.unique(drawn_on):
        mask, other = drawn_on == value, centers_of == value
        if value % 1000 == 0 or value // 1000 == 255 or not other.any():
            continue
        center = [round(x.sum() / len(x)) for x in np.nonzero(other)]
        offsets[mask] = np.array(center) - np.argwhere(mask)
    return offsets


def frames_of(current, **others):
    segments = {
        name: Segments(tf.constant(value), INFO) if name != "seed" else value
        for name, value in others.items()
    }
    return Frames(Segments(tf.constant(current), INFO), **segments)


@pytest.mark.parametrize("pair", PAIRS)
def test_motion_equals_a_loop_over_instances(pair):
    current, previous = PAIRS[pair]
    fields = TARGETS.get("motion")(frames_of(current, previous=previous), OPTIONS)
    expected = offsets_oracle(current, previous)
    assert set(fields) == {"frame_offset_gt", "frame_regression_loss_weight"}
    np.testing.assert_array_equal(fields["frame_offset_gt"], expected)
    weight = fields["frame_regression_loss_weight"]
    np.testing.assert_array_equal(weight, expected.any(-1))
    assert {v.dtype for v in fields.values()} == {tf.float32}


@pytest.mark.parametrize("pair", PAIRS)
def test_next_frame_equals_a_loop_over_instances(pair):
    current, following = PAIRS[pair]
    frames = frames_of(current, next=following)
    fields = TARGETS.get("next_frame")(frames, OPTIONS)
    expected = offsets_oracle(following, current)
    np.testing.assert_array_equal(fields["next_instance_regression_gt"], expected)
    weight = fields["next_regression_loss_weight"]
    np.testing.assert_array_equal(weight, expected.any(-1))


@pytest.mark.parametrize("pair", PAIRS)
def test_training_shows_the_previous_centres_that_the_offsets_lead_to(pair):
    current, previous = PAIRS[pair]
    frames = frames_of(current, previous=previous, seed=tf.constant([3, 4]))
    fields = TARGETS.get("motion")(frames, OPTIONS)
    heatmap = fields[PREVIOUS_HEATMAP].numpy()
    assert heatmap.shape == current.shape
    assert 0 <= heatmap.min() <= heatmap.max() <= 1
    goal = fields["frame_offset_gt"] + np.stack(
        np.mgrid[: current.shape[0], : current.shape[1]], axis=-1
    )
    counts = fields["frame_regression_loss_weight"].numpy() > 0
    ys, xs = goal.numpy()[counts].astype(int).T
    np.testing.assert_array_equal(heatmap[ys, xs], 1)
    again = TARGETS.get("motion")(frames, OPTIONS)
    for name, value in fields.items():
        np.testing.assert_array_equal(value, again[name])


def test_noise_has_the_published_spread():
    """An instance of 40 x 80 moves by 0.05 x 39 and 0.05 x 79 pixels (one sigma)."""
    label = np.zeros((120, 200), np.int32)
    label[40:80, 60:140] = 12001
    segments = Segments(tf.constant(label), INFO)
    assert segments.extent.numpy().tolist() == [[0, 0], [39, 79]]
    draws = [noisy_centers(segments, tf.constant([9, i])) for i in range(400)]
    center = np.stack([d.center[1] for d in draws])
    false_positives = np.stack([d.false_positive[1] for d in draws])
    spread = np.hypot([1.95, 3.95], np.sqrt(1 / 12))
    np.testing.assert_allclose(center.mean(0), [59.5, 99.5], atol=0.5)
    np.testing.assert_allclose(center.std(0), spread, rtol=0.12)
    np.testing.assert_allclose((false_positives - center).std(0), spread, rtol=0.12)
    rate = np.mean([d.has_false_positive[1] for d in draws])
    assert abs(rate - 0.2) < 0.06


def test_noise_stays_inside():
    label = np.full((3, 400), 12001, np.int32)
    label[:, :399] = 12002
    segments = Segments(tf.constant(label), INFO)
    for i in range(30):
        draw = noisy_centers(segments, tf.constant([1, i]))
        for center in (draw.center.numpy(), draw.false_positive.numpy()):
            assert (center >= 0).all()
            assert (center < label.shape).all()


def test_false_positives_show_in_the_heatmap():
    current, previous = PAIRS["random 4"]
    for i in range(20):
        seed = tf.constant([5, i])
        frames = frames_of(current, previous=previous, seed=seed)
        draw = noisy_centers(frames.previous, seed)
        shown = frames.previous.is_instance & draw.has_false_positive
        heatmap = TARGETS.get("motion")(frames, OPTIONS)[PREVIOUS_HEATMAP].numpy()
        ys, xs = draw.false_positive.numpy()[shown.numpy()].T
        np.testing.assert_array_equal(heatmap[ys, xs], 1)


def test_depth_is_passed_on():
    depth = tf.constant([[0.0, 3.5]])
    frames = frames_of(np.zeros((1, 2), np.int32))._replace(depth=depth)
    fields = TARGETS.get("depth")(frames, OPTIONS)
    np.testing.assert_array_equal(fields["depth_gt"], depth)


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_missing_is_named(name):
    frames = frames_of(np.zeros((1, 2), np.int32))
    with pytest.raises(ValueError, match=f"need the .*{NEEDS[name]}"):
        TARGETS.get(name)(frames, OPTIONS)


def test_find():
    segments = Segments(tf.constant([[7, 7, 9], [3, 9, 7]]), INFO)
    found = segments.find(tf.constant([3, 4, 7, 9]))
    assert found.numpy().tolist() == [2, -1, 0, 1]
    assert segments.find(tf.zeros([0], tf.int32)).shape == (0,)
