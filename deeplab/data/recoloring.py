"""Random colours: an AutoAugment policy, then random colour changes."""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.autoaugment import autoaugment
from deeplab.data.photometric import change_color, random_color_change
from deeplab.data.pipeline_config import Augmentation


def recolored(
    image: tf.Tensor,
    augmentation: Augmentation,
    *,
    frames: int,
    policy_seed: tf.Tensor,
    color_seed: tf.Tensor,
) -> tf.Tensor:
    """Changes the colours of all frames of an example.

    As published, the policy is drawn separately for each frame; the colour change is
    drawn once, so that all frames change in the same way.

    Args:
      image: `[h, w, 3 * frames]` float32, 0 to 255.
      augmentation: the policy and the ranges of colour changes.
      frames: number of frames.
      policy_seed: [2] integers, seed of the policy.
      color_seed: [2] integers, seed of the colour change.

    Returns:
      The changed image, with the same shape and range.
    """
    change = random_color_change(color_seed, augmentation.colors)
    changed = []
    for i in range(frames):
        frame = image[:, :, 3 * i : 3 * i + 3]
        if augmentation.policy:
            frame = autoaugment(frame, policy_seed + i, augmentation.policy)
        changed.append(change_color(frame, change))
    return tf.concat(changed, axis=-1)
