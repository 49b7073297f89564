"""Targets of Motion-DeepLab: positions of the instances in the previous frame.

Mark Weber et al., "STEP: Segmenting and Tracking Every Pixel", NeurIPS 2021
(https://arxiv.org/abs/2102.11859). As published, the previous centres are perturbed in
training, and false positives are added, to resemble the network's own predictions,
which it receives as input later. In evaluation the centres of the targets are exact;
the published code perturbs them there, too.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import (
    PREVIOUS_HEATMAP,
    Frames,
    Segments,
    TargetOptions,
    scattered,
)
from deeplab.ops.heatmaps import gaussian_peaks

# Standard deviation of the noise on a centre, and of the offset of a false positive
# from it, as a fraction of the height and width of the instance.
_NOISE = 0.05
# Fraction of centres next to which a false positive is added.
_FALSE_POSITIVES = 0.2


class NoisyCenters(NamedTuple):
    """The centres of a frame as an imperfect network would predict them."""

    # [n, 2] int32, (y, x) of each segment.
    center: tf.Tensor
    # [n, 2] int32, (y, x) of a possible false positive near each centre.
    false_positive: tf.Tensor
    # [n] bool, whether the false positive is added.
    has_false_positive: tf.Tensor


@TARGETS.register("motion")
def motion_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns the ground truth of the motion loss and, in training, a further input.

    Args:
      frames: `[h, w]` label maps, including the previous one. With a seed, its centres
        are perturbed.
      options: sets the width of the Gaussians.

    Returns:
      `frame_offset_gt` `[h, w, 2]` float32, (dy, dx) in pixels to the instance's
      previous centre, 0 elsewhere; `frame_regression_loss_weight` `[h, w]` float32,
      1 where the offset is not 0; with a seed also `PREVIOUS_HEATMAP` `[h, w]`
      float32, 0 to 1, of the previous centres.

    Raises:
      ValueError: the frames have no previous one.
    """
    previous = frames.previous
    if previous is None:
        raise ValueError("motion targets need the labels of the previous frame")
    if frames.seed is None:
        return frame_offsets(frames.current, previous, previous.center)
    noisy = noisy_centers(previous, frames.seed)
    height, width = tf.unstack(tf.shape(previous.index))
    shown = tf.concat(
        [
            tf.boolean_mask(noisy.center, previous.is_instance),
            tf.boolean_mask(
                noisy.false_positive, previous.is_instance & noisy.has_false_positive
            ),
        ],
        axis=0,
    )
    return {
        **frame_offsets(frames.current, previous, noisy.center),
        PREVIOUS_HEATMAP: gaussian_peaks(shown, height, width, options.sigma),
    }


def frame_offsets(
    current: Segments, previous: Segments, centers: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns the offsets to previous centres, and the weights of their loss.

    Args:
      current: segments of the current frame.
      previous: segments of the previous frame.
      centers: [n, 2] int32, (y, x) of the centres of the previous segments.
    """
    before = previous.find(current.ids)
    is_known = tf.gather(before >= 0, current.instance_index)
    goal = tf.gather(tf.gather(centers, tf.maximum(before, 0)), current.instance_index)
    offsets = tf.where(
        is_known[:, tf.newaxis], goal - current.instance_pixels, tf.zeros_like(goal)
    )
    counts = tf.reduce_any(offsets != 0, axis=1)
    return {
        "frame_offset_gt": scattered(current, offsets),
        "frame_regression_loss_weight": scattered(current, counts),
    }


def noisy_centers(segments: Segments, seed: tf.Tensor) -> NoisyCenters:
    """Perturbs the centres of segments; `seed` is [2] integers."""
    seeds = tf.random.split(seed, 3)
    spread = _NOISE * tf.cast(segments.extent, tf.float32)
    last = tf.shape(segments.index) - 1

    def near(center: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        noise = spread * tf.random.stateless_normal(tf.shape(spread), key)
        moved = tf.round(tf.cast(center, tf.float32) + noise)
        return tf.clip_by_value(tf.cast(moved, tf.int32), 0, last)

    center = near(segments.mean, seeds[0])
    draws = tf.random.stateless_uniform(tf.shape(segments.ids), seeds[2])
    return NoisyCenters(center, near(center, seeds[1]), draws < _FALSE_POSITIVES)
