from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from deeplab.inference.video_inference import VideoInference


class State(NamedTuple):
    seen: tf.Tensor


class Counter:
    """Counts the frames of a video that came before."""

    state_spec = State(tf.TensorSpec([None, None], tf.int32))

    def initial_state(self, height, width):
        return State(tf.zeros([height, width], tf.int32))


def count(frame, state):
    return {"before": state.seen[0, 0]}, State(state.seen + 1)


def frame(height=2):
    return {"image": tf.zeros([1, height, 3, 6]), "note": tf.constant([7])}


@pytest.fixture(params=[False, True])
def inference(request):
    return VideoInference(count, Counter(), use_tf_function=request.param)


def test_each_video_begins_anew(inference):
    counts = [int(inference(frame(), v)["before"]) for v in ("a", "a", "a", "b", "b")]
    assert counts == [0, 1, 2, 0, 1]
    inference.reset()
    assert int(inference(frame(), "a")["before"]) == 0


def test_another_size_begins_anew(inference):
    sizes = (2, 2, 4, 4)
    counts = [int(inference(frame(height), "a")["before"]) for height in sizes]
    np.testing.assert_array_equal(counts, [0, 1, 0, 1])


def test_a_video_in_pieces_is_refused(inference):
    inference(frame(), "a")
    inference(frame(), "b")
    with pytest.raises(ValueError, match="frames of video 'a' are not consecutive"):
        inference(frame(), "a")


def test_a_frame_without_a_video_is_refused(inference):
    with pytest.raises(ValueError, match="do not specify the video"):
        inference(frame(), "")
