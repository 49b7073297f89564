"""Targets of the semantic branch: classes, crowds, and weights of small instances."""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, Segments, TargetOptions


@TARGETS.register("semantic")
def semantic_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns the ground truth of the semantic loss.

    Args:
      frames: `[h, w]` label maps; only the current frame is used.
      options: sets the size threshold and the weight of small instances.

    Returns:
      `semantic_gt`, `panoptic_gt` int32, `is_crowd_gt` bool and
      `semantic_loss_weight` float32, each `[h, w]`. Crowd pixels keep their class.
    """
    segments = frames.current
    return {
        "semantic_gt": segments.per_pixel(segments.class_id),
        "panoptic_gt": segments.label,
        "is_crowd_gt": segments.per_pixel(segments.is_crowd),
        "semantic_loss_weight": _weights(segments, options),
    }


def _weights(segments: Segments, options: TargetOptions) -> tf.Tensor:
    if options.small_instance_weight == 1.0 or options.small_instance_threshold <= 0:
        return tf.ones_like(segments.label, tf.float32)
    small = segments.is_instance & (segments.area < options.small_instance_threshold)
    return segments.per_pixel(tf.where(small, options.small_instance_weight, 1.0))
