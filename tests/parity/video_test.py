"""Tracks and stitched pairs equal the published ones on the recorded inputs."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import StitchState
from deeplab.postprocess.track_assignment import TrackAssignment, find_instances
from deeplab.postprocess.video_stitching import VideoStitching
from tests.numbered import label_space

RECORDS = Path(__file__).parent / "records/components"
FRAMES = 4
LABELS = label_space(19, things=range(11, 19))


def read(name):
    with np.load(RECORDS / f"{name}.npz") as file:
        return dict(file)


@pytest.mark.parametrize("as_graph", [False, True])
def test_tracks_equal_published(as_graph):
    record = read("postprocess_motion_tracking")
    tracker = TrackAssignment(lambda p: p, labels=LABELS)
    assign = tf.function(tracker.assign) if as_graph else tracker.assign
    height, width = record["panoptic_0"].shape
    state = tracker.initial_state(height, width)
    for i in range(FRAMES):
        panoptic = tf.constant(record[f"panoptic_{i}"])
        found = find_instances(panoptic, LABELS)
        np.testing.assert_array_equal(found.centers, record[f"centers_{i}"])
        offsets = tf.constant(record[f"frame_offset_{i}"][0])
        tracked, state = assign(panoptic, offsets, state)
        np.testing.assert_array_equal(tracked, record[f"tracked_{i}"][0])
        np.testing.assert_array_equal(state.centers, record[f"track_centers_{i}"])
        assert int(state.next_id) == record[f"next_id_{i}"]
        np.testing.assert_allclose(state.heatmap, record[f"heatmap_{i}"], atol=1e-6)


def test_a_stitched_pair_equals_published():
    record = read("postprocess_video_stitch")
    stitching = VideoStitching(lambda p: p, labels=LABELS)
    stitched = stitching.stitch_pair(
        tf.constant(record["concat_panoptic"][None], tf.int32),
        tf.constant(record["next_panoptic"][None]),
    )
    np.testing.assert_array_equal(stitched[0], record["stitched"])
    assert isinstance(stitching.initial_state(3, 4), StitchState)
