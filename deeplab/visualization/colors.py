"""Colours of classes and instances."""

from __future__ import annotations

import colorsys

import numpy as np

from deeplab.core.dataset_info import DatasetInfo

VOID_COLOR = (0, 0, 0)

# Inverse powers of the root of x^4 = x + 1: their multiples fill the unit cube evenly,
# so that consecutive ids look different (M. Roberts, "The unreasonable effectiveness of
# quasirandom sequences", 2018).
_STEPS = np.array([0.8191725134, 0.6710436067, 0.5497004779])
# Maximum change of hue (as a share of the colour circle), brightness and saturation.
_HUE, _VALUE, _SATURATION = 0.07, 0.4, 0.4
_DARKEST = 0.45


def semantic_colors(semantic: np.ndarray, info: DatasetInfo) -> np.ndarray:
    """Colours a map of class ids.

    Args:
      semantic: `[h, w]` integer class ids; void and ids without a class become black.
      info: description of the data set.

    Returns:
      `[h, w, 3]` uint8 RGB.
    """
    size = max(info.num_classes, info.ignore_label + 1, int(semantic.max()) + 1)
    table = np.full((size, 3), VOID_COLOR, np.uint8)
    for one in info.classes:
        table[one.id] = one.color
    return table[semantic]


def panoptic_colors(panoptic: np.ndarray, info: DatasetInfo) -> np.ndarray:
    """Colours a panoptic map: stuff in its class colour, instances in shades of theirs.

    Args:
      panoptic: `[h, w]` integer labels; void and ids without a class become black.
      info: description of the data set.

    Returns:
      `[h, w, 3]` uint8 RGB.
    """
    found, inverse = np.unique(panoptic, return_inverse=True)
    table = np.array([segment_color(int(label), info) for label in found], np.uint8)
    return table[inverse.reshape(panoptic.shape)]


def segment_color(label: int, info: DatasetInfo) -> tuple[int, int, int]:
    """Returns the colour of a panoptic label, the same in every picture."""
    class_id, instance = info.label_space.decode(label)
    one = info.by_id.get(class_id)
    if one is None:
        return VOID_COLOR
    if not one.is_thing or instance == 0:
        return one.color
    return instance_color(one.color, instance)


def instance_color(base: tuple[int, int, int], instance: int) -> tuple[int, int, int]:
    """Returns the colour of an instance, a shade of its class colour.

    Args:
      base: colour of the class.
      instance: instance id, from 1.
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in base))
    shift, paleness, brightness = (0.5 + instance * _STEPS) % 1.0
    low = min(max(value - _VALUE / 2, _DARKEST), 1.0 - _VALUE)
    red, green, blue = colorsys.hsv_to_rgb(
        (hue + _HUE * (2 * shift - 1)) % 1.0,
        saturation * (1 - _SATURATION * paleness),
        low + _VALUE * brightness,
    )
    return round(red * 255), round(green * 255), round(blue * 255)
