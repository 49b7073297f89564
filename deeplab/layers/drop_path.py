"""Stochastic depth: drops whole residual paths during training.

Deep Networks with Stochastic Depth, Gao Huang, Yu Sun, Zhuang Liu, Daniel Sedra,
Kilian Weinberger, ECCV 2016, https://arxiv.org/abs/1603.09382.
"""

from __future__ import annotations

import tensorflow as tf

SCHEDULES = ("constant", "linear")


def keep_prob_at(
    last_keep_prob: float, schedule: str, stage: int, num_stages: int
) -> float:
    """Returns the probability of keeping a residual path in a stage.

    Args:
      last_keep_prob: probability in the last stage, above 0 and at most 1.
      schedule: "constant", or "linear" from 1 at stage 0 to `last_keep_prob`.
      stage: index of the stage, 0 (the stem) to `num_stages`.
      num_stages: index of the last stage.

    Raises:
      ValueError: the schedule is unknown or the probability is out of range.
    """
    if not 0.0 < last_keep_prob <= 1.0:
        raise ValueError(f"drop_path_keep_prob {last_keep_prob}: choose 0 < p <= 1")
    if schedule == "constant":
        return last_keep_prob
    if schedule == "linear":
        return 1.0 - (1.0 - last_keep_prob) * stage / num_stages
    raise ValueError(
        f"unknown drop_path_schedule {schedule!r}; known: {', '.join(SCHEDULES)}"
    )


def drop_path_mask(inputs: tf.Tensor, keep_prob: float) -> tf.Tensor:
    """Draws which examples of a batch keep their residual path.

    The random numbers come from TensorFlow's global generator, whose state can be
    saved, so that a resumed run continues its sequence.

    Args:
      inputs: `[b, ...]` tensor.
      keep_prob: probability of keeping a path.

    Returns:
      `[b, 1, ...]` with the rank and dtype of `inputs`: 0 for a dropped path, and
      1 / keep_prob otherwise, which preserves the expectation.
    """
    shape = tf.concat(
        [tf.shape(inputs)[:1], tf.ones([inputs.shape.rank - 1], tf.int32)], axis=0
    )
    drawn = tf.random.get_global_generator().uniform(shape)
    kept = tf.floor(keep_prob + drawn)
    return tf.cast(kept / keep_prob, inputs.dtype)
