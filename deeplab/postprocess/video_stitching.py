"""ViP-DeepLab's stitching: from pairs of frames to ids that last through a video.

ViP-DeepLab: Learning Visual Perception with Depth-aware Video Panoptic Segmentation,
Siyuan Qiao, Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.05258. A pair is stitched as in the published code, which
reserves half of the instance ids that the label divisor allows for instances that first
appear in the second frame. If the ids do not suffice, the published code fails; here,
instances without an id become void. The published code leaves joining the pairs of a
video to its users.

Shapes depend on the number of segments, so that it does not compile under XLA.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Prediction, StitchState, present
from deeplab.ops.resize import spatial_size
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.base import PostProcessor
from deeplab.postprocess.center_offset import build_center_offset
from deeplab.postprocess.segment_matching import mutual_matches
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class VideoStitching:
    """Post-processes pairs of frames, and joins the pairs of a video."""

    def __init__(self, frame: PostProcessor, *, labels: LabelSpace):
        """Makes the post-processor.

        Args:
          frame: post-processes a single frame.
          labels: meaning of the labels.
        """
        self._frame = frame
        self._labels = labels

    def __call__(self, prediction: Prediction, images: tf.Tensor) -> Prediction:
        """Post-processes pairs of consecutive frames.

        Both frames are placed side by side, and the pixels of both point to the centres
        in the first.

        Args:
          prediction: prediction of a batch, with the fields that `CenterOffset` takes,
            `next_offset_map`, and the fields of the next frames alone.
          images: `[b, h, w, 6]`, pairs of frames.

        Returns:
          The prediction with the discrete maps of the first frames,
          `concat_next_panoptic_pred` and `next_panoptic_pred`, and without the fields
          of the next frames alone.
        """
        frame, next_frame = tf.split(images, 2, axis=-1)
        following = Prediction(
            semantic_probs=prediction.next_semantic_probs,
            center_heatmap=prediction.next_center_heatmap,
            offset_map=prediction.next_own_offset_map,
        )
        width = tf.cast(spatial_size(prediction.offset_map)[1], tf.float32)
        backwards = prediction.next_offset_map - tf.stack([0.0, width])
        side_by_side = Prediction(
            semantic_probs=tf.concat(
                [prediction.semantic_probs, following.semantic_probs], axis=2
            ),
            center_heatmap=tf.concat(
                [prediction.center_heatmap, tf.zeros_like(following.center_heatmap)],
                axis=2,
            ),
            offset_map=tf.concat([prediction.offset_map, backwards], axis=2),
        )
        explained = self._frame(side_by_side, tf.concat([frame, next_frame], axis=2))
        discrete = {
            name: tf.split(value, 2, axis=2)
            for name, value in present(explained).items()
            if getattr(side_by_side, name) is None
        }
        explained_next = discrete["panoptic_pred"][1]
        own = self._frame(following, next_frame).panoptic_pred
        return prediction._replace(
            **{name: halves[0] for name, halves in discrete.items()},
            concat_next_panoptic_pred=explained_next,
            next_panoptic_pred=self.stitch_pair(explained_next, own),
            next_semantic_logits=None,
            next_semantic_probs=None,
            next_center_heatmap=None,
            next_own_offset_map=None,
        )

    def stitch_pair(self, explained: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """Gives instances of the next frames the ids that they have in the first ones.

        Args:
          explained: [b, h, w] int32, labels of the next frames, from the centres of
            the first frames.
          own: [b, h, w] int32, labels of the next frames, from their own centres.

        Returns:
          [b, h, w] int32, `own` with the labels of `explained` for matching instances;
          the ids of other instances are above half of the label divisor.
        """
        spec = tf.TensorSpec([None, None], tf.int32)
        stitched = tf.map_fn(self._stitch, (explained, own), fn_output_signature=spec)
        return tf.ensure_shape(stitched, own.shape)

    def _stitch(self, maps: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        explained, own = maps
        found = mutual_matches(own, explained, self._labels)
        class_id, number = self._labels.decode(found.labels)
        moved = self._numbered(class_id, number + self._labels.label_divisor // 2)
        moved = tf.where(number == 0, found.labels, moved)
        return tf.gather(
            tf.where(found.partners >= 0, found.partners, moved), found.index
        )

    def stitch(
        self, prediction: Prediction, state: StitchState
    ) -> tuple[Prediction, StitchState]:
        """Gives the instances of the next pair of a video their ids in that video.

        Args:
          prediction: prediction of one pair, as a call returns it; its first frame is
            the second frame of the previous pair.
          state: state after the previous pair; `initial_state` for the first pair.

        Returns:
          The prediction, with ids of the video in its panoptic maps, and the state
          after the pair.
        """
        maps = (
            prediction.panoptic_pred[0],
            prediction.next_panoptic_pred[0],
            prediction.concat_next_panoptic_pred[0],
        )
        found = mutual_matches(maps[0], state.panoptic[0], self._labels)
        # The first labels are the matched ones, in the same order.
        flat = tf.concat([tf.reshape(m, [-1]) for m in maps], axis=0)
        known, index = tf.unique(flat)
        missing = tf.shape(known)[0] - tf.shape(found.labels)[0]
        partners = tf.concat([found.partners, tf.fill([missing], -1)], axis=0)
        lasting, counts = self._lasting(known, partners, state.counts)
        numbered = tf.split(tf.gather(lasting, index), 3)
        now, following, explained = (
            tf.reshape(n, tf.shape(maps[0]))[tf.newaxis] for n in numbered
        )
        prediction = prediction._replace(
            panoptic_pred=now,
            next_panoptic_pred=following,
            concat_next_panoptic_pred=explained,
        )
        return prediction, StitchState(panoptic=following, counts=counts)

    def _lasting(
        self, known: tf.Tensor, partners: tf.Tensor, counts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the video's labels for the labels of a pair, and the new counts."""
        class_id, number = self._labels.decode(known)
        is_new = (number != 0) & (partners < 0)
        of_class = tf.one_hot(
            tf.where(is_new, class_id, -1), self._labels.num_classes, dtype=tf.int32
        )
        new_number = tf.reduce_sum(of_class * (counts + tf.cumsum(of_class)), axis=1)
        lasting = tf.where(is_new, self._numbered(class_id, new_number), known)
        lasting = tf.where(partners >= 0, partners, lasting)
        return lasting, counts + tf.reduce_sum(of_class, axis=0)

    def _numbered(self, class_id: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return tf.where(
            number <= self._labels.max_instances,
            self._labels.encode(class_id, number),
            self._labels.void,
        )

    @property
    def state_spec(self) -> StitchState:
        """Specifications of the tensors of the state."""
        return StitchState(
            panoptic=tf.TensorSpec([1, None, None], tf.int32),
            counts=tf.TensorSpec([self._labels.num_classes], tf.int32),
        )

    def initial_state(
        self, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> StitchState:
        """Returns the state before the first pair of a video.

        Args:
          height: height of the maps.
          width: width of the maps.
        """
        return StitchState(
            panoptic=tf.fill([1, height, width], self._labels.void),
            counts=tf.zeros([self._labels.num_classes], tf.int32),
        )


@POSTPROCESSORS.register("video_stitching")
def build_video_stitching(
    options: EvaluatorOptions, info: DatasetInfo
) -> VideoStitching:
    """Returns the post-processor that the evaluator options describe."""
    return VideoStitching(build_center_offset(options, info), labels=info.label_space)
