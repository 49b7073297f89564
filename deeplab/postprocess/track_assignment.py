"""Motion-DeepLab's tracking: an instance continues the nearest track or starts one.

STEP: Segmenting and Tracking Every Pixel, Mark Weber et al., NeurIPS 2021 Datasets and
Benchmarks, https://arxiv.org/abs/2102.11859. As in the published code, except that

- a frame without instances is allowed;
- mean positions are exact; there, they are float32 sums;
- instances are processed in the order in which they appear in the map. The published
  code sorts by confidence, but its heatmap is 1 at every centre, which results in the
  same order;
- an instance becomes void if the label divisor allows no further track number.

Shapes depend on the number of instances, so that it does not compile under XLA.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Prediction, TrackState
from deeplab.ops.heatmaps import gaussian_peaks
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.base import PostProcessor
from deeplab.postprocess.center_offset import build_center_offset
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Standard deviation, in pixels, of the Gaussians in the network's input heatmap, which
# mark the centres of the previous frame.
_SIGMA = 8.0
# Number of frames after which a track that no instance continued is dropped.
_LIFETIME = 7


class Instances(NamedTuple):
    """The instances of a panoptic map, in the order in which they appear in it."""

    # [n, 5] int32, rows as in `TrackState.centers`, with age 0.
    centers: tf.Tensor
    # [m] int32, all labels in the map.
    labels: tf.Tensor
    # [n] int32, index of each instance in `labels`.
    rows: tf.Tensor
    # [h, w] int32, index of each pixel in `labels`.
    index: tf.Tensor


class TrackAssignment:
    """Post-processes frames one by one, and assigns their instances to tracks.

    Attributes:
      state_spec: specifications of the tensors of the state.
    """

    state_spec = TrackState(
        heatmap=tf.TensorSpec([1, None, None], tf.float32),
        centers=tf.TensorSpec([None, 5], tf.int32),
        next_id=tf.TensorSpec([], tf.int32),
    )

    def __init__(self, frame: PostProcessor, *, labels: LabelSpace):
        """Makes the post-processor.

        Args:
          frame: post-processes a single frame.
          labels: meaning of the labels.
        """
        self._frame = frame
        self._labels = labels

    def __call__(self, prediction: Prediction, images: tf.Tensor) -> Prediction:
        """Post-processes a batch of independent images, without tracking."""
        return self._frame(prediction, images)

    def track(
        self, prediction: Prediction, images: tf.Tensor, state: TrackState
    ) -> tuple[Prediction, TrackState]:
        """Post-processes the next frame of a video.

        Args:
          prediction: prediction of one frame, with the fields that `CenterOffset`
            takes, and `frame_offset_map`.
          images: `[1, h, w, c]`, the frame.
          state: state after the previous frame; `initial_state` for the first frame.

        Returns:
          The prediction, with track numbers as instance ids in `panoptic_pred`, and the
          state after the frame.
        """
        done = self._frame(prediction, images)
        panoptic, state = self.assign(
            done.panoptic_pred[0], prediction.frame_offset_map[0], state
        )
        return done._replace(panoptic_pred=panoptic[tf.newaxis]), state

    def assign(
        self, panoptic: tf.Tensor, offsets: tf.Tensor, state: TrackState
    ) -> tuple[tf.Tensor, TrackState]:
        """Replaces the labels of instances in a map by the labels of their tracks.

        Args:
          panoptic: [h, w] int32 labels.
          offsets: [h, w, 2] float32, (dy, dx) to the centre in the previous frame.
          state: state after the previous frame.

        Returns:
          The map with track numbers as instance ids, and the state after the frame.
        """
        found = find_instances(panoptic, self._labels)
        tracked, is_left, next_id = self._match(found.centers, offsets, state)
        centers = tf.concat(
            [
                found.centers[:, :2],
                tracked[:, tf.newaxis],
                found.centers[:, 3:],
            ],
            axis=1,
        )
        centers = tf.concat([centers, tf.boolean_mask(state.centers, is_left)], axis=0)
        centers += tf.constant([0, 0, 0, 0, 1])
        centers = tf.boolean_mask(centers, centers[:, 4] < _LIFETIME)
        table = tf.tensor_scatter_nd_update(
            found.labels, found.rows[:, tf.newaxis], tracked
        )
        height, width = tf.unstack(tf.shape(panoptic), 2)
        heatmap = gaussian_peaks(found.centers[:, 1::-1], height, width, _SIGMA)
        state = TrackState(heatmap[tf.newaxis], centers, next_id)
        return tf.gather(table, found.index), state

    def _match(
        self, centers: tf.Tensor, offsets: tf.Tensor, state: TrackState
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Matches each instance, in order, with the nearest remaining track.

        Returns:
          [n] int32 labels of the instances; [tracks] bool, which tracks remain
          unmatched; the next unused track number.
        """
        tracks = state.centers
        count = tf.shape(tracks)[0]
        moved = tf.gather_nd(offsets, centers[:, 1::-1])[:, ::-1]
        goals = tf.cast(centers[:, :2], tf.float32) + moved
        ways = tf.cast(tracks[:, :2], tf.float32) - goals[:, tf.newaxis]
        distances = tf.reduce_sum(tf.square(ways), axis=-1)
        classes = self._labels.class_of(centers[:, 2])
        track_classes = self._labels.class_of(tracks[:, 2])
        infinite = float("inf")
        distances = tf.where(
            classes[:, tf.newaxis] == track_classes, distances, infinite
        )
        # An extra track, out of reach, so that there is always a nearest one.
        distances = tf.pad(distances, [[0, 0], [0, 1]], constant_values=infinite)
        reach = tf.pad(tf.cast(tracks[:, 3], tf.float32), [[0, 1]])
        track_labels = tf.pad(tracks[:, 2], [[0, 1]])

        def step(i, is_left, next_id, result):
            left = tf.where(is_left, distances[i], infinite)
            nearest = tf.argmin(left, output_type=tf.int32)
            goes_on = left[nearest] < reach[nearest]
            begun = tf.where(
                next_id <= self._labels.max_instances,
                self._labels.encode(classes[i], next_id),
                self._labels.void,
            )
            label = tf.where(goes_on, track_labels[nearest], begun)
            taken = tf.where(goes_on, nearest, count)
            is_left = tf.tensor_scatter_nd_update(is_left, [[taken]], [False])
            next_id = tf.where(goes_on, next_id, next_id + 1)
            return i + 1, is_left, next_id, result.write(i, label)

        size = tf.shape(centers)[0]
        result = tf.TensorArray(tf.int32, size=size, element_shape=[])
        start = (0, tf.ones([count + 1], tf.bool), state.next_id, result)
        _, is_left, next_id, result = tf.while_loop(
            lambda i, *_: i < size, step, start, parallel_iterations=1
        )
        return result.stack(), is_left[:count], next_id

    def initial_state(
        self, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> TrackState:
        """Returns the state before the first frame of a video.

        Args:
          height: height of the network's input.
          width: width of the network's input.
        """
        return TrackState(
            heatmap=tf.zeros([1, height, width]),
            centers=tf.zeros([0, 5], tf.int32),
            next_id=tf.constant(1),
        )


def find_instances(panoptic: tf.Tensor, labels: LabelSpace) -> Instances:
    """Returns the instances of a panoptic map.

    Args:
      panoptic: [h, w] int32 labels.
      labels: meaning of the labels.
    """
    width = tf.shape(panoptic)[1]
    all_labels, index = tf.unique(tf.reshape(panoptic, [-1]))
    size = tf.shape(all_labels)[0]
    position = tf.range(tf.shape(index)[0])
    areas = tf.math.unsorted_segment_sum(tf.ones_like(index), index, size)
    means, extents = [], []
    for values in (tf.math.floormod(position, width), position // width):
        total = tf.math.unsorted_segment_sum(tf.cast(values, tf.int64), index, size)
        mean = tf.cast(total, tf.float64) / tf.cast(areas, tf.float64)
        means.append(tf.cast(tf.round(mean), tf.int32))
        extents.append(
            tf.math.unsorted_segment_max(values, index, size)
            - tf.math.unsorted_segment_min(values, index, size)
        )
    class_id, number = labels.decode(all_labels)
    rows = tf.where((class_id != labels.ignore_label) & (number != 0))[:, 0]
    centers = tf.stack(
        [*means, all_labels, extents[0] * extents[1], tf.zeros_like(all_labels)], axis=1
    )
    return Instances(
        centers=tf.gather(centers, rows),
        labels=all_labels,
        rows=tf.cast(rows, tf.int32),
        index=tf.reshape(index, tf.shape(panoptic)),
    )


@POSTPROCESSORS.register("track_assignment")
def build_track_assignment(
    options: EvaluatorOptions, info: DatasetInfo
) -> TrackAssignment:
    """Returns the post-processor that the evaluator options describe."""
    return TrackAssignment(build_center_offset(options, info), labels=info.label_space)
