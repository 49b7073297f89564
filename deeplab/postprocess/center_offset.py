"""Panoptic-DeepLab's post-processing: classes, centres and offsets to a panoptic map.

Panoptic-DeepLab: A Simple, Strong, and Fast Baseline for Bottom-Up Panoptic
Segmentation, B. Cheng, M. D. Collins, Y. Zhu, T. Liu, T. S. Huang, H. Adam,
L.-C. Chen, CVPR 2020, https://arxiv.org/abs/1911.10194. It takes batches and images of
any size, and compiles under XLA. In the published code, the option
`merge_semantic_and_instance_with_tf_op: false` selects a substitute for the compiled
merge operation; here, both values give the result of the compiled operation.
"""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.ops import control_flow_util

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.base import PostProcessor
from deeplab.postprocess.centers import find_centers, find_peaks
from deeplab.postprocess.grouping import nearest_center
from deeplab.postprocess.merging import merge_maps
from deeplab.postprocess.semantic import most_probable_class
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class CenterOffset:
    """Finds instances as groups of thing pixels that point to the same centre."""

    def __init__(
        self,
        *,
        labels: LabelSpace,
        center_threshold: float = 0.1,
        nms_kernel: int = 3,
        keep_k_centers: int = 400,
        stuff_area_limit: int = 0,
    ):
        """Makes the post-processor.

        Args:
          labels: meaning of the labels.
          center_threshold: the heatmap must exceed this at a centre.
          nms_kernel: side, in pixels, of the window in which a centre is the maximum.
          keep_k_centers: maximum number of centres per image; 0 or less keeps all.
          stuff_area_limit: a stuff class that covers at most this many pixels of an
            image becomes void; 0 keeps all.

        Raises:
          ValueError: the kernel or the area limit is out of range.
        """
        if nms_kernel < 1:
            raise ValueError(f"nms_kernel must be at least 1, but is {nms_kernel}")
        if stuff_area_limit < 0:
            raise ValueError(
                f"stuff_area_limit must be at least 0, but is {stuff_area_limit}"
            )
        self._labels = labels
        self._center_threshold = center_threshold
        self._nms_kernel = nms_kernel
        self._keep_k_centers = keep_k_centers
        self._stuff_area_limit = stuff_area_limit

    def __call__(self, prediction: Prediction, images: tf.Tensor) -> Prediction:
        """Returns the prediction with its discrete maps filled in.

        Args:
          prediction: prediction of a batch, with `semantic_probs`, `center_heatmap` and
            `offset_map`.
          images: ignored.

        Returns:
          The same with `semantic_pred`, `instance_pred`, `instance_center_pred`,
          `instance_scores` (the value of the heatmap at the pixel's centre) and
          `panoptic_pred`.
        """
        del images
        static_shapes = under_xla()
        semantic = most_probable_class(prediction)
        peaks = find_peaks(
            tf.cast(prediction.center_heatmap, tf.float32),
            threshold=self._center_threshold,
            kernel=self._nms_kernel,
        )
        centers = find_centers(
            peaks, keep=self._keep_k_centers, static_shapes=static_shapes
        )
        thing = [c in self._labels.thing_ids for c in range(self._labels.num_classes)]
        instance = nearest_center(
            centers,
            tf.cast(prediction.offset_map, tf.float32),
            tf.gather(tf.constant(thing), semantic),
            static_shapes=static_shapes,
        )
        scores = tf.gather(
            tf.pad(centers.score, [[0, 0], [1, 0]]), instance, batch_dims=1
        )
        panoptic = merge_maps(
            semantic,
            instance,
            max_instance=tf.shape(centers.score)[1],
            labels=self._labels,
            stuff_area_limit=self._stuff_area_limit,
        )
        return prediction._replace(
            semantic_pred=semantic,
            instance_pred=instance,
            instance_center_pred=peaks,
            instance_scores=scores,
            panoptic_pred=panoptic,
        )


def under_xla() -> bool:
    """Returns whether the code is being traced for XLA, which needs static shapes."""
    return control_flow_util.GraphOrParentsInXlaContext(
        tf.compat.v1.get_default_graph()
    )


@POSTPROCESSORS.register("center_offset")
def build_center_offset(options: EvaluatorOptions, info: DatasetInfo) -> PostProcessor:
    """Returns the post-processor that the evaluator options describe."""
    return CenterOffset(
        labels=info.label_space,
        center_threshold=options.center_score_threshold,
        nms_kernel=options.nms_kernel,
        keep_k_centers=options.keep_k_centers,
        stuff_area_limit=options.stuff_area_limit,
    )
