"""Random colours: a policy of AutoAugment, then ranges of colour."""

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
    """Changes the colours of an image and of the frames beside it.

    As published, a policy draws anew for each frame; the ranges of colour draw once, so
    that all frames change alike.

    Args:
      image: `[h, w, 3 * frames]` float32, 0 to 255.
      augmentation: the policy and the ranges.
      frames: how many there are.
      policy_seed: [2] integers.
      color_seed: [2] integers.

    Returns:
      The same shape and range.
    """
    change = random_color_change(color_seed, augmentation.colors)
    changed = []
    for i in range(frames):
        frame = image[:, :, 3 * i : 3 * i + 3]
        if augmentation.policy:
            frame = autoaugment(frame, policy_seed + i, augmentation.policy)
        changed.append(change_color(frame, change))
    return tf.concat(changed, axis=-1)
