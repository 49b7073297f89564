"""Targets of mask transformers: each thing gets a number, and the number a class.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The published code fails on an image with more
things than numbers; here the largest things get one, and the others count as crowd.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, TargetOptions


@TARGETS.register("thing_masks")
def thing_mask_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns what the mask losses compare with.

    Args:
      frames: of `[h, w]` label maps; the current one counts.
      options: how many things get a number.

    Returns:
      `thing_id_mask_gt` `[h, w]`, the number of the thing that covers a pixel, from
      0, in order of first appearance, -1 outside things and on crowds;
      `thing_id_class_gt` `[max_thing_id]`, the class of each number, -1 beyond the
      last. Both int32. Nothing where masks are not wanted.
    """
    slots = options.max_thing_id
    if not slots:
        return {}
    segments = frames.current
    is_thing = segments.is_instance & segments.is_thing
    # Padded, so that there are always enough to choose from.
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
