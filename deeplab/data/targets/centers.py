"""Targets of the instance branch: a centre heatmap and offsets to the centres.

Bowen Cheng et al., "Panoptic-DeepLab", CVPR 2020 (https://arxiv.org/abs/1911.10194).
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import (
    Frames,
    Segments,
    TargetOptions,
    scattered,
)
from deeplab.ops.heatmaps import gaussian_peaks


@TARGETS.register("centers")
def center_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns the ground truth of the centre and offset losses.

    Args:
      frames: `[h, w]` label maps; only the current frame is used.
      options: sets the width of the Gaussians.

    Returns:
      `instance_center_gt` `[h, w]`, 0 to 1; `center_loss_weight` `[h, w]`, 0 on crowd
      and void; `instance_regression_gt` `[h, w, 2]`, (dy, dx) in pixels to the
      instance's centre, 0 elsewhere; `regression_loss_weight` `[h, w]`, 1 on things
      except crowds. All are float32.
    """
    segments = frames.current
    height, width = tf.unstack(tf.shape(segments.index))
    is_single = tf.logical_not(segments.is_crowd)
    counts = is_single & tf.logical_not(segments.is_void)
    return {
        "instance_center_gt": gaussian_peaks(
            tf.boolean_mask(segments.center, segments.is_instance),
            height,
            width,
            options.sigma,
        ),
        "center_loss_weight": segments.per_pixel(tf.cast(counts, tf.float32)),
        "instance_regression_gt": _offsets(segments),
        "regression_loss_weight": segments.per_pixel(
            tf.cast(segments.is_thing & is_single, tf.float32)
        ),
    }


def _offsets(segments: Segments) -> tf.Tensor:
    goal = tf.gather(segments.center, segments.instance_index)
    return scattered(segments, goal - segments.instance_pixels)
