"""Depth loss: scale-invariant logarithmic error plus relative squared error.

ViP-DeepLab: Learning Visual Perception with Depth-aware Video Panoptic Segmentation,
Siyuan Qiao, Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.05258. The first error is from Depth Map Prediction from a
Single Image using a Multi-Scale Deep Network, David Eigen, Christian Puhrsch, Rob
Fergus, NeurIPS 2014, https://arxiv.org/abs/1406.2283. Computed as in the published
code, except that an image without known depth has a loss of 0 instead of NaN.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, VideoDepthOutput
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, TermOptions, check_name

# Metres; predictions are clipped to this minimum, so that their logarithm is finite.
_MIN_DEPTH = 1e-6


class DepthLoss:
    """The sum of both errors over the pixels whose depth is known."""

    def __init__(self, *, ignore_depth: float = 0.0):
        """Makes the term.

        Args:
          ignore_depth: ground-truth value of pixels to ignore; values that are not
            above 0 are ignored as well.
        """
        self._ignore_depth = ignore_depth

    def __call__(self, example: Example, output: VideoDepthOutput) -> tf.Tensor:
        """Returns [batch] float32; see `LossTerm`."""
        truth = tf.cast(example.depth_gt, tf.float32)
        depth = tf.cast(output.depth_pred, tf.float32)
        if len(depth.shape) == 4:
            depth = tf.squeeze(depth, axis=3)
        is_known = (truth != self._ignore_depth) & (truth > 0)
        # Where the depth is unknown, both are 1 metre: no error, and a finite gradient.
        truth = tf.where(is_known, truth, 1.0)
        depth = tf.where(is_known, tf.maximum(depth, _MIN_DEPTH), 1.0)
        known = tf.reduce_sum(tf.cast(is_known, tf.float32), axis=[1, 2])

        def mean(values: tf.Tensor) -> tf.Tensor:
            return tf.math.divide_no_nan(tf.reduce_sum(values, axis=[1, 2]), known)

        ratio = tf.math.log(truth) - tf.math.log(depth)
        scale_invariant = mean(tf.square(ratio)) - tf.square(mean(ratio))
        relative = mean(tf.square((truth - depth) / truth))
        # The square root has no gradient at 0.
        is_off = relative > 0
        return scale_invariant + tf.where(
            is_off, tf.sqrt(tf.where(is_off, relative, 1.0)), 0.0
        )


@LOSSES.register("depth_loss")
def build_depth_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the depth term.

    Raises:
      ValueError: the loss name is unknown, or `top_k_percent` is set.
    """
    check_name("depth_loss", options.name, ["depth_loss"])
    if options.top_k_percent != 1.0:
        raise ValueError(
            "depth_loss.top_k_percent: this loss counts all pixels with known depth; "
            "leave it out"
        )
    return DepthLoss(ignore_depth=info.ignore_depth or 0.0)
