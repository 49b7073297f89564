"""Overlays of maps on their image: classes, instances, centres."""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.visualization.colors import panoptic_colors, semantic_colors
from deeplab.visualization.names import draw_names
from deeplab.visualization.segments import find_segments

# Opacity of colours over an image.
_OPACITY = 0.6
# Outlines get one pixel thicker per this many pixels of image height.
_OUTLINE_HEIGHT = 480
_OUTLINE = (255, 255, 255)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def semantic_overlay(
    image: np.ndarray, semantic: np.ndarray, info: DatasetInfo
) -> np.ndarray:
    """Draws a semantic map over its image, with class names where they fit.

    Args:
      image: `[h, w, 3]` uint8.
      semantic: `[h, w]` integer class ids; void is shown in grey.
      info: description of the data set.

    Returns:
      `[h, w, 3]` uint8.

    Raises:
      ValueError: image and map differ in size.
    """
    _check(image, semantic)
    void = semantic == info.ignore_label
    picture = _blend(image, semantic_colors(semantic, info), void)
    panoptic = info.label_space.encode(semantic.astype(np.int32), 0)
    return draw_names(picture, panoptic, find_segments(panoptic, info))


def panoptic_overlay(
    image: np.ndarray, panoptic: np.ndarray, info: DatasetInfo
) -> np.ndarray:
    """Draws a panoptic map over its image, with outlines of instances and class names.

    Args:
      image: `[h, w, 3]` uint8.
      panoptic: `[h, w]` integer labels; void is shown in grey.
      info: description of the data set.

    Returns:
      `[h, w, 3]` uint8.

    Raises:
      ValueError: image and map differ in size.
    """
    _check(image, panoptic)
    classes = info.label_space.class_of(panoptic)
    picture = _blend(
        image, panoptic_colors(panoptic, info), classes == info.ignore_label
    )
    things = np.isin(classes, info.thing_ids)
    thickness = 1 + image.shape[0] // _OUTLINE_HEIGHT
    picture[outlines(panoptic, things, thickness)] = _OUTLINE
    return draw_names(picture, panoptic, find_segments(panoptic, info))


def heatmap_overlay(image: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Draws a centre heatmap over the grey image, from red (low) to yellow (high).

    Args:
      image: `[h, w, 3]` uint8.
      heatmap: `[h, w]` float, 0 to 1.

    Raises:
      ValueError: image and map differ in size.
    """
    _check(image, heatmap)
    heat = np.clip(heatmap.astype(np.float32), 0, 1)[..., None]
    color = np.concatenate(
        [np.full_like(heat, 255), 255 * heat, 255 * np.maximum(2 * heat - 1.6, 0)], -1
    )
    opacity = np.sqrt(heat)
    return _rounded(0.7 * _grey(image) * (1 - opacity) + color * opacity)


def outlines(panoptic: np.ndarray, things: np.ndarray, thickness: int) -> np.ndarray:
    """Returns the outermost pixels of instances.

    Args:
      panoptic: `[h, w]` integer labels.
      things: `[h, w]` bool, pixels of instances.
      thickness: thickness of the outlines, in pixels.

    Returns:
      `[h, w]` bool.
    """
    rim = np.zeros(panoptic.shape, bool)
    for step in range(1, thickness + 1):
        for axis in (0, 1):
            ahead = [slice(None)] * 2
            behind = [slice(None)] * 2
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            differs = panoptic[tuple(ahead)] != panoptic[tuple(behind)]
            rim[tuple(ahead)] |= differs
            rim[tuple(behind)] |= differs
    return rim & things


def _check(image: np.ndarray, values: np.ndarray) -> None:
    if image.shape != (*values.shape, 3):
        raise ValueError(
            f"image {list(image.shape)} and map {list(values.shape)} differ in size"
        )


def _blend(image: np.ndarray, colors: np.ndarray, void: np.ndarray) -> np.ndarray:
    grey = _grey(image)
    # Brightness shows the shapes in the image, hue their classes.
    mixed = np.float32((1 - _OPACITY) / 2) * (image + grey)
    mixed += np.float32(_OPACITY) * colors
    mixed[void] = 0.6 * grey[void]
    return _rounded(mixed)


def _grey(image: np.ndarray) -> np.ndarray:
    """Returns the brightness, `[h, w, 1]` float32."""
    return (image.astype(np.float32) @ _GREY)[..., None]


def _rounded(values: np.ndarray) -> np.ndarray:
    """Rounds values between 0 and 255 to uint8."""
    return (values + 0.5).astype(np.uint8)
