"""Learning-rate schedules: polynomial or cosine decay after a linear warm-up.

As in DeepLab2, the warm-up does not shift the decay: at step `warmup_steps` the rate is
the one that the decay has at that step of the whole run.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tf_keras.optimizers import schedules

from deeplab.protos.trainer_pb2 import SolverOptions

POLICIES = ("poly", "cosine")


class LinearWarmUp(schedules.LearningRateSchedule):
    """Rises linearly from 0, then follows another schedule."""

    def __init__(
        self,
        peak: float,
        warmup_steps: int,
        after: schedules.LearningRateSchedule,
    ):
        """Rises to `peak` in `warmup_steps` steps, then follows `after(step)`."""
        super().__init__()
        self._peak = peak
        self._warmup_steps = warmup_steps
        self._after = after

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the learning rate at `step`."""
        progress = tf.cast(step, tf.float32) / self._warmup_steps
        return tf.where(progress < 1.0, self._peak * progress, self._after(step))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "peak": self._peak,
            "warmup_steps": self._warmup_steps,
            "after": self._after,
        }


def build_schedule(
    options: SolverOptions, batch_size: int, multiplier: float = 1.0
) -> schedules.LearningRateSchedule:
    """Builds the learning-rate schedule.

    Args:
      options: learning policy, rates and steps.
      batch_size: images per step, over all replicas.
      multiplier: factor of the base learning rate.

    Raises:
      ValueError: the learning policy is unknown, or the number of steps is not
        positive.
    """
    steps = options.training_number_of_steps
    if steps < 1:
        raise ValueError(f"training_number_of_steps {steps}: must be at least 1")
    rate = options.base_learning_rate * multiplier
    if options.learning_rate_batch_size > 0:
        rate *= batch_size / options.learning_rate_batch_size
    schedule = _decay(options, rate, steps)
    if options.warmup_steps > 0:
        schedule = LinearWarmUp(rate, options.warmup_steps, schedule)
    return schedule


def _decay(
    options: SolverOptions, rate: float, steps: int
) -> schedules.LearningRateSchedule:
    policy = options.learning_policy
    if policy == "poly":
        return schedules.PolynomialDecay(
            rate,
            decay_steps=steps,
            end_learning_rate=options.poly_end_learning_rate,
            power=options.poly_learning_power,
        )
    if policy == "cosine":
        return schedules.CosineDecay(rate, decay_steps=steps)
    raise ValueError(
        f"learning_policy {policy!r} is unknown; choose one of {', '.join(POLICIES)}"
    )
