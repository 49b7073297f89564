"""Targets of mask transformers: a map of thing numbers, and the class of each number.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The published code fails on an image with more things
than numbers; here the largest things are numbered, and the others count as crowd.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, TargetOptions


@TARGETS.register("thing_masks")
def thing_mask_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns the ground truth of the mask losses.

    Args:
      frames: `[h, w]` label maps; only the current frame is used.
      options: sets the maximum number of thing masks.

    Returns:
      `thing_id_mask_gt` `[h, w]`, the number of the thing that covers a pixel, from
      0, in order of first appearance, -1 outside things and on crowds;
      `thing_id_class_gt` `[max_thing_id]`, the class of each number, -1 after the
      last. Both are int32. Empty if `max_thing_id` is 0.
    """
    slots = options.max_thing_id
    if not slots:
        return {}
    segments = frames.current
    is_thing = segments.is_instance & segments.is_thing
    # Padded, so that `top_k` always has enough values.
    area = tf.pad(tf.where(is_thing, segments.area, 0), [[0, slots]])
    largest = tf.math.top_k(area, slots).indices
    chosen = tf.scatter_nd(
        largest[:, tf.newaxis], tf.ones_like(largest), tf.shape(area)
    )
    chosen = is_thing & (chosen[:-slots] > 0)
    number = tf.where(chosen, tf.cumsum(tf.cast(chosen, tf.int32)) - 1, -1)
    classes = tf.boolean_mask(segments.class_id, chosen)
    beyond = tf.fill([slots - tf.shape(classes)[0]], -1)
    classes = tf.concat([classes, beyond], axis=0)
    classes.set_shape([slots])
    return {
        "thing_id_mask_gt": segments.per_pixel(number),
        "thing_id_class_gt": classes,
    }
