"""AutoAugment policies: pairs of colour operations, drawn at random.

Ekin D. Cubuk et al., "AutoAugment: Learning Augmentation Policies from Data", CVPR
2019 (https://arxiv.org/abs/1805.09501), with the policies of DeepLab2. None of the
operations moves a pixel, so labels are unchanged. Departures from DeepLab2: the
operations see the crop instead of the whole scaled image, and contrast is taken about
the mean colour (there, about a grey computed from the number of pixels, which is nearly
always white).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

_MAX_LEVEL = 10.0


class PolicyStep(NamedTuple):
    """One operation of a policy.

    Attributes:
      operation: name of the operation.
      probability: probability that it is applied, 0 to 1.
      level: strength, 0 to 10.
    """

    operation: str
    probability: float
    level: float


_SIMPLE = (
    (PolicyStep("Sharpness", 0.4, 7), PolicyStep("Brightness", 0.2, 10)),
    (PolicyStep("Equalize", 0.0, 9), PolicyStep("Contrast", 0.2, 10)),
    (PolicyStep("Sharpness", 0.2, 9), PolicyStep("Color", 0.2, 9)),
    (PolicyStep("Solarize", 0.2, 7), PolicyStep("Equalize", 0.6, 9)),
    (PolicyStep("Sharpness", 0.2, 1), PolicyStep("Equalize", 0.2, 7)),
)


def _scaled_levels(policy: tuple[tuple[PolicyStep, ...], ...], factor: float):
    return tuple(
        tuple(step._replace(level=step.level * factor) for step in pair)
        for pair in policy
    )


POLICIES: dict[str, tuple[tuple[PolicyStep, ...], ...]] = {
    "simple_classification_policy": _SIMPLE,
    "simple_classification_policy_magnitude_scale_0.2": _scaled_levels(_SIMPLE, 0.2),
}


def find_policy(name: str) -> tuple[tuple[PolicyStep, ...], ...]:
    """Returns the policy called `name`.

    Raises:
      ValueError: there is no such policy; the message lists the known ones.
    """
    if name not in POLICIES:
        raise ValueError(
            f"autoaugment_policy_name {name!r}: choose one of {', '.join(POLICIES)}"
        )
    return POLICIES[name]


def autoaugment(image: tf.Tensor, seed: tf.Tensor, name: str) -> tf.Tensor:
    """Applies one pair of operations of a policy, drawn at random.

    Args:
      image: `[h, w, 3]` float32, 0 to 255; fractions are truncated.
      seed: [2] integers. Equal seeds draw the same operations.
      name: name of the policy.

    Returns:
      `[h, w, 3]` float32, whole numbers 0 to 255.

    Raises:
      ValueError: no policy has that name.
    """
    policy = find_policy(name)
    pixels = tf.cast(image, tf.uint8)
    draws = tf.random.stateless_uniform([3], seed)
    pair = tf.cast(draws[0] * len(policy), tf.int32)
    branches = [
        lambda steps=steps: _apply(pixels, steps, draws[1:]) for steps in policy
    ]
    return tf.cast(tf.switch_case(pair, branches), tf.float32)


def _apply(
    pixels: tf.Tensor, steps: tuple[PolicyStep, ...], draws: tf.Tensor
) -> tf.Tensor:
    for i, step in enumerate(steps):
        changed = _operation(step)
        pixels = tf.cond(
            draws[i] < step.probability,
            lambda pixels=pixels, changed=changed: changed(pixels),
            lambda pixels=pixels: pixels,
        )
        pixels.set_shape([None, None, 3])
    return pixels


def _operation(step: PolicyStep) -> Callable[[tf.Tensor], tf.Tensor]:
    # This imports two hundred modules that a run without a policy does not need.
    from official.vision.ops import augment

    factor = step.level / _MAX_LEVEL * 1.8 + 0.1
    threshold = int(step.level / _MAX_LEVEL * 256)
    operations = {
        "Brightness": lambda x: augment.brightness(x, factor),
        "Color": lambda x: augment.color(x, factor),
        "Contrast": lambda x: augment.contrast(x, factor),
        "Equalize": augment.equalize,
        "Sharpness": lambda x: augment.sharpness(x, factor),
        "Solarize": lambda x: augment.solarize(x, threshold),
    }
    return operations[step.operation]
