"""Random changes of brightness, contrast, saturation and hue.

A change is drawn once per example, so that all its frames change in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf


@dataclass(frozen=True)
class ColorRanges:
    """Ranges of random colour changes; 0 means no change.

    Attributes:
      brightness: largest offset, as a fraction of 255.
      contrast: x for factors from 1 - x to 1 + x.
      saturation: x for factors from 1 - x to 1 + x.
      hue: largest rotation, as a fraction of the colour circle, up to 0.5.

    Raises:
      ValueError: a range is negative, a factor could be negative, or the hue exceeds
        0.5.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self):
        limits = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.5}
        for name, limit in limits.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise ValueError(f"{name} delta {value}: choose 0 to {limit}")


class ColorChange(NamedTuple):
    """A drawn change: scalar float32 tensors, None for no change."""

    # Offset, as a fraction of 255.
    brightness: tf.Tensor | None
    # Factors.
    contrast: tf.Tensor | None
    saturation: tf.Tensor | None
    # Fraction of the colour circle.
    hue: tf.Tensor | None


def random_color_change(seed: tf.Tensor, ranges: ColorRanges) -> ColorChange:
    """Draws a random colour change; `seed` is [2] integers."""
    draws = tf.random.stateless_uniform([4], seed, -1.0, 1.0)

    def draw(i: int, center: float, width: float) -> tf.Tensor | None:
        return center + width * draws[i] if width else None

    return ColorChange(
        brightness=draw(0, 0.0, ranges.brightness),
        contrast=draw(1, 1.0, ranges.contrast),
        saturation=draw(2, 1.0, ranges.saturation),
        hue=draw(3, 0.0, ranges.hue),
    )


def change_color(image: tf.Tensor, change: ColorChange) -> tf.Tensor:
    """Applies a colour change to an image.

    Args:
      image: `[h, w, 3]` float32, 0 to 255.
      change: the change.

    Returns:
      `[h, w, 3]` float32, clipped to 0 to 255.
    """
    if all(value is None for value in change):
        return image
    image = image / 255.0
    if change.brightness is not None:
        image = image + change.brightness
    if change.contrast is not None:
        image = tf.image.adjust_contrast(image, change.contrast)
    # Both convert to HSV, which is undefined for negative values.
    image = tf.clip_by_value(image, 0.0, 1.0)
    if change.saturation is not None:
        image = tf.image.adjust_saturation(image, change.saturation)
    if change.hue is not None:
        image = tf.image.adjust_hue(image, change.hue)
    return tf.clip_by_value(image, 0.0, 1.0) * 255.0
