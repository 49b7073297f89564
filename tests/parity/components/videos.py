"""Tracks of Motion-DeepLab, and stitched pairs of ViP-DeepLab."""

import numpy as np
import tensorflow as tf

from deeplab.core.structures import StitchState
from deeplab.postprocess.track_assignment import TrackAssignment, find_instances
from deeplab.postprocess.video_stitching import VideoStitching
from tests.parity.components.classes import classes_in
from tests.parity.records import compare

TRACK_INPUTS = ("panoptic_", "frame_offset_", "label_divisor", "ignore_label")
STITCH_INPUTS = ("concat_panoptic", "next_panoptic", "label_divisor", "ignore_label")


def unchanged(prediction, images):
    """Post-processes nothing: the records begin with label maps."""
    del images
    return prediction


def compute_tracks(fields, *, as_graph=False):
    """Returns what is tracked in the frames of the record that holds these inputs."""
    frames = [f"panoptic_{i}" for i in range(len(fields)) if f"panoptic_{i}" in fields]
    info = classes_in(fields, *(fields[name] for name in frames))
    tracker = TrackAssignment(unchanged, labels=info.label_space)
    assign = tf.function(tracker.assign) if as_graph else tracker.assign
    state = tracker.initial_state(*fields[frames[0]].shape)
    computed = {}
    for i, name in enumerate(frames):
        panoptic = tf.constant(fields[name])
        computed[f"centers_{i}"] = find_instances(panoptic, info.label_space).centers
        offsets = tf.constant(fields[f"frame_offset_{i}"][0])
        tracked, state = assign(panoptic, offsets, state)
        computed[f"tracked_{i}"] = tracked[tf.newaxis]
        computed[f"track_centers_{i}"] = state.centers
        computed[f"next_id_{i}"] = state.next_id
        computed[f"heatmap_{i}"] = state.heatmap
    return {name: np.asarray(value) for name, value in computed.items()}


def check_tracks(record, _, *, as_graph=False):
    """Compares ids and centres exactly, heatmaps to within rounding."""
    computed = compute_tracks(record.fields, as_graph=as_graph)
    tolerances = {
        name: {"atol": 1e-6} for name in computed if name.startswith("heatmap_")
    }
    compare(record.fields, computed, TRACK_INPUTS, tolerances)


def compute_stitched(fields):
    """Returns the joined pair of the record that holds these inputs."""
    pair = (fields["concat_panoptic"], fields["next_panoptic"])
    info = classes_in(fields, *pair)
    stitching = VideoStitching(unchanged, labels=info.label_space)
    assert isinstance(stitching.initial_state(*pair[0].shape), StitchState)
    stitched = stitching.stitch_pair(
        *(tf.constant(labels[np.newaxis], tf.int32) for labels in pair)
    )
    return {"stitched": stitched[0].numpy()}


def check_stitched(record, _):
    """Compares the ids of the second frame."""
    compare(record.fields, compute_stitched(record.fields), STITCH_INPUTS)
