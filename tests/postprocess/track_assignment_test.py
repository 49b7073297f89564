import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.postprocess.track_assignment import TrackAssignment, find_instances
from tests.numbered import label_space

DIVISOR, VOID = 10, 255
LABELS = label_space(5, things=(1, 3, 4), ignore_label=VOID, label_divisor=DIVISOR)
HEIGHT, WIDTH = 12, 30


@pytest.fixture(params=["eager", "graph"])
def tracker(request):
    tracker = TrackAssignment(lambda p, images: p, labels=LABELS)
    if request.param == "graph":
        tracker.assign = tf.function(tracker.assign, reduce_retracing=True)
    return tracker


def frame(*boxes):
    """Returns a map of class 0 with boxes of 3 x 5 pixels: (label, row, column)."""
    panoptic = np.zeros((HEIGHT, WIDTH), np.int32)
    for label, row, column in boxes:
        panoptic[row : row + 3, column : column + 5] = label
    return panoptic


def track(tracker, *frames, offsets=None):
    """Returns the tracked maps of frames, and the last state."""
    state, results = tracker.initial_state(HEIGHT, WIDTH), []
    for i, panoptic in enumerate(frames):
        offset = np.zeros((HEIGHT, WIDTH, 2), np.float32)
        for (row, column), motion in (offsets or {}).get(i, {}).items():
            offset[row, column] = motion
        tracked, state = tracker.assign(tf.constant(panoptic), offset, state)
        results.append(tracked.numpy())
    return results, state


def test_finds_centres_in_the_order_of_the_map():
    panoptic = frame((32, 5, 20), (31, 6, 2), (41, 1, 10))
    panoptic[0] = VOID * DIVISOR
    panoptic[11, :] = 30  # Things that nobody told apart.
    found = find_instances(tf.constant(panoptic), LABELS)
    # x, y of the middle; 4 * 2 is the product of the extents.
    np.testing.assert_array_equal(
        found.centers, [[12, 2, 41, 8, 0], [22, 6, 32, 8, 0], [4, 7, 31, 8, 0]]
    )


def test_means_are_rounded_to_even_and_exact():
    panoptic = np.zeros((2, 4), np.int32)
    panoptic[0, 0:2] = 11  # x: 0.5 -> 0
    panoptic[1, 1:3] = 12  # x: 1.5 -> 2
    found = find_instances(tf.constant(panoptic), LABELS)
    np.testing.assert_array_equal(found.centers[:, 0], [0, 2])


def test_a_still_instance_keeps_its_number_whatever_the_frame_calls_it(tracker):
    results, state = track(
        tracker, frame((35, 2, 2), (31, 7, 20)), frame((32, 2, 2), (37, 7, 20))
    )
    for result in results:
        np.testing.assert_array_equal(result, frame((31, 2, 2), (32, 7, 20)))
    assert int(state.next_id) == 3


def test_numbers_are_not_shared_by_classes(tracker):
    results, _ = track(tracker, frame((31, 2, 2), (41, 7, 20)))
    np.testing.assert_array_equal(results[0], frame((31, 2, 2), (42, 7, 20)))


def test_motion_decides_when_instances_cross(tracker):
    # Two boxes swap places. Their centres are at column 4 and 22, row 3.
    first, second = frame((31, 2, 2), (32, 2, 20)), frame((31, 2, 2), (32, 2, 20))
    offsets = {1: {(3, 4): (0, 18), (3, 22): (0, -18)}}
    results, state = track(tracker, first, second, offsets=offsets)
    np.testing.assert_array_equal(results[1], frame((32, 2, 2), (31, 2, 20)))
    # Rows are those of the last frame, with the numbers of the tracks.
    np.testing.assert_array_equal(state.centers[:, 2], [32, 31])


def test_reach_is_the_size_of_the_instance(tracker):
    # The square of the distance has to be below 4 * 2.
    near, _ = track(tracker, frame((31, 2, 2)), frame((31, 4, 3)))
    np.testing.assert_array_equal(near[1], frame((31, 4, 3)))
    far, _ = track(tracker, frame((31, 2, 2)), frame((31, 4, 4)))
    np.testing.assert_array_equal(far[1], frame((32, 4, 4)))


def test_another_class_begins_another_track(tracker):
    results, _ = track(tracker, frame((31, 2, 2)), frame((41, 2, 2)))
    np.testing.assert_array_equal(results[1], frame((42, 2, 2)))


def test_appearing_and_vanishing(tracker):
    both, one = frame((31, 2, 2), (32, 7, 20)), frame((31, 7, 20))
    results, state = track(tracker, one, both, one)
    # The newcomer comes first in the map, but the other goes on as number 1.
    np.testing.assert_array_equal(results[1], frame((32, 2, 2), (31, 7, 20)))
    np.testing.assert_array_equal(results[2], frame((31, 7, 20)))
    np.testing.assert_array_equal(state.centers, [[22, 8, 31, 8, 1], [4, 3, 32, 8, 2]])


@pytest.mark.parametrize(("absent", "label"), [(5, 31), (6, 32)])
def test_a_track_is_forgotten_after_seven_frames(tracker, absent, label):
    frames = [frame((31, 2, 2))] + [frame()] * absent + [frame((31, 2, 2))]
    results, _ = track(tracker, *frames)
    np.testing.assert_array_equal(results[-1], frame((label, 2, 2)))


def test_frames_without_instances(tracker):
    results, state = track(tracker, frame(), frame(), frame((31, 2, 2)))
    np.testing.assert_array_equal(results[0], frame())
    np.testing.assert_array_equal(results[2], frame((31, 2, 2)))
    assert state.centers.shape[0] == 1
    _, state = track(tracker, frame())
    assert state.centers.shape == (0, 5)
    assert not np.any(state.heatmap)
    assert int(state.next_id) == 1


def test_the_heatmap_is_one_at_the_centres(tracker):
    _, state = track(tracker, frame((31, 2, 2), (32, 7, 20)))
    heatmap = state.heatmap[0].numpy()
    assert heatmap.shape == (HEIGHT, WIDTH)
    assert heatmap[3, 4] == heatmap[8, 22] == heatmap.max() == 1
    np.testing.assert_allclose(heatmap[3, 12 - 8], 1)
    np.testing.assert_allclose(heatmap[0, 4], np.exp(-9 / 128), rtol=1e-6)


def test_without_a_number_left_an_instance_is_void(tracker):
    boxes = [(31 + i % 9, 1 + 4 * (i // 5), 6 * (i % 5)) for i in range(9)]
    moved = [(label, row, column) for label, row, column in boxes]
    results, state = track(tracker, frame(*moved), frame((31, 9, 24)))
    assert set(np.unique(results[0])) == {0, *range(31, 40)}
    # The tenth number does not fit below the divisor.
    assert results[1][10, 26] == VOID * DIVISOR
    assert int(state.next_id) == 11


def test_post_processes_before_it_tracks():
    def process(prediction, images):
        assert images.shape == [1, 2, 2, 7]
        return prediction._replace(panoptic_pred=prediction.semantic_pred * DIVISOR + 5)

    tracker = TrackAssignment(process, labels=LABELS)
    prediction = Prediction(
        semantic_pred=tf.constant([[[3, 3], [3, 3]]]),
        frame_offset_map=tf.zeros([1, 2, 2, 2]),
    )
    state = tracker.initial_state(2, 2)
    images = tf.zeros([1, 2, 2, 7])
    tracked, state = tracker.track(prediction, images, state)
    np.testing.assert_array_equal(tracked.panoptic_pred, [[[31, 31], [31, 31]]])
    alone = tracker(prediction, images).panoptic_pred
    np.testing.assert_array_equal(alone[0], [[35] * 2] * 2)
