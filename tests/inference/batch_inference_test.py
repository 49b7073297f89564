"""Batches of images of several sizes, each predicted as if it were alone."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Batch, Prediction, present
from deeplab.inference.batch_inference import BatchInference
from deeplab.losses.composite import CompositeLoss

SIZES = ((4, 6), (5, 5), (4, 6), (2, 3))


class MeanModel:
    """Predicts for every pixel the mean of the whole input."""

    video = None

    def __call__(self, images, training):
        assert not training
        value = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)[..., 0]
        return Prediction(
            semantic_logits=images,
            center_heatmap=value + tf.zeros_like(images[..., 0]),
            pixel_space_mask_logits=images[:, ::2],
        )


def difference(example, output):
    """Is a loss term: how far the mean is from the label, and how large the masks."""
    error = output.center_heatmap - tf.cast(example.semantic_gt, tf.float32)
    return tf.reduce_mean(error, axis=[1, 2])


def images():
    return [
        np.full((height, width, 3), 10.0 * (i + 1), np.float32)
        for i, (height, width) in enumerate(SIZES)
    ]


def batch(labels=True, videos=()):
    """Returns the images as a batch, their padding far from what they show."""
    padded = np.full((len(SIZES), 5, 6, 3), 255.0, np.float32)
    for row, image in enumerate(images()):
        padded[row, : image.shape[0], : image.shape[1]] = image
    device = {"image": tf.constant(padded)}
    if labels:
        device["semantic_gt"] = tf.ones([len(SIZES), 5, 6], tf.int32)
    host = {"input_size": tf.constant(SIZES)}
    if videos:
        host["sequence_id"] = tf.constant(videos)
    return Batch(device, host)


def inference(model=None, **options):
    loss = CompositeLoss({"difference": (2.0, difference)})
    return BatchInference(model or MeanModel(), loss, **options)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("use_tf_function", [True, False])
def test_padding_and_neighbours_change_nothing(replicas, use_tf_function, two_replicas):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        predictions, losses = inference(use_tf_function=use_tf_function)(batch())
    assert len(predictions) == len(SIZES)
    for row, prediction in enumerate(predictions):
        expected = np.full((1, *SIZES[row]), 10.0 * (row + 1))
        np.testing.assert_allclose(prediction.center_heatmap, expected, rtol=1e-6)
    assert losses.keys() == {"difference", "total_loss"}
    # Twice the mean of the image, less its label.
    np.testing.assert_allclose(
        sorted(losses["difference"]), [18.0, 38.0, 58.0, 78.0], rtol=1e-6
    )


def test_what_only_losses_read_is_left_out():
    predictions, _ = inference()(batch())
    assert all(set(present(p)) == {"center_heatmap"} for p in predictions)


def test_without_targets_there_are_no_losses():
    predictions, losses = inference()(batch(labels=False))
    assert len(predictions) == len(SIZES)
    assert losses == {}


class Seen(NamedTuple):
    frames: tf.Tensor


class CountingState:
    """Counts the frames of a video."""

    state_spec = Seen(tf.TensorSpec([], tf.int32))

    def initial_state(self, height, width):
        del height, width
        return Seen(tf.constant(0))

    def step(self, images, state):
        count = tf.cast(state.frames, tf.float32) + tf.zeros_like(images[..., 0])
        return Prediction(center_heatmap=count), Seen(state.frames + 1)


class VideoModel:
    """Knows how many frames of the video came before."""

    video = CountingState()


def test_frames_of_a_video_are_seen_in_their_order():
    infer = inference(VideoModel())
    sizes = [(2, 3)] * len(SIZES)
    frames = batch(videos=("a", "a", "b", "b"))
    frames = frames._replace(host={**frames.host, "input_size": tf.constant(sizes)})
    for _ in range(2):
        predictions, losses = infer(frames)
        counts = [float(p.center_heatmap[0, 0, 0]) for p in predictions]
        assert counts == [0, 1, 0, 1]
        np.testing.assert_allclose(losses["difference"], [-2.0, 0.0, -2.0, 0.0])
        infer.reset()
