"""Targets of ViP-DeepLab's next-frame branch: offsets to centres of this frame.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258).
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, TargetOptions, scattered


@TARGETS.register("next_frame")
def next_frame_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns the ground truth of the loss of the next-frame offsets.

    Args:
      frames: `[h, w]` label maps, including the next one.
      options: not used.

    Returns:
      `next_instance_regression_gt` `[h, w, 2]` float32, (dy, dx) in pixels from each
      pixel of the next frame to the instance's centre in this frame, 0 elsewhere;
      `next_regression_loss_weight` `[h, w]` float32, 1 where the offset is not 0.

    Raises:
      ValueError: the frames have no next one.
    """
    del options
    current, following = frames.current, frames.next
    if following is None:
        raise ValueError("next-frame targets need the labels of the next frame")
    now = current.find(following.ids)
    index, pixels = following.instance_index, following.instance_pixels
    is_known = tf.gather(now >= 0, index)
    goal = tf.gather(tf.gather(current.center, tf.maximum(now, 0)), index)
    offsets = tf.where(is_known[:, tf.newaxis], goal - pixels, tf.zeros_like(goal))
    return {
        "next_instance_regression_gt": scattered(following, offsets),
        "next_regression_loss_weight": scattered(
            following, tf.reduce_any(offsets != 0, axis=1)
        ),
    }
