"""Maps drawn over their image: classes, instances, centres."""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.visualization.colors import panoptic_colors, semantic_colors
from deeplab.visualization.names import draw_names
from deeplab.visualization.segments import find_segments

# Opacity of colours over an image.
_OPACITY = 0.6
# Height in pixels for which outlines grow by one pixel.
_OUTLINE_HEIGHT = 480
_OUTLINE = (255, 255, 255)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def semantic_overlay(
    image: np.ndarray, semantic: np.ndarray, info: DatasetInfo
) -> np.ndarray:
    """Draws a class map over its image, with names where they fit.

    Args:
      image: `[h, w, 3]` uint8.
      semantic: `[h, w]` integer class ids; void is left in grey.
      info: the data set.

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
    """Draws a panoptic map over its image, instances outlined, names where they fit.

    Args:
      image: `[h, w, 3]` uint8.
      panoptic: `[h, w]` integer labels; void is left in grey.
      info: the data set.

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
    """Draws a centre heatmap over its image in grey: red for low, yellow for high.

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
    """Returns the pixels just inside the rims of instances.

    Args:
      panoptic: `[h, w]` integer labels.
      things: `[h, w]` bool, where there are instances.
      thickness: of the lines, in pixels.

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
    # Brightness shows the shape of things, hue what they are.
    mixed = np.float32((1 - _OPACITY) / 2) * (image + grey)
    mixed += np.float32(_OPACITY) * colors
    mixed[void] = 0.6 * grey[void]
    return _rounded(mixed)


def _grey(image: np.ndarray) -> np.ndarray:
    """Returns `[h, w, 1]` float32 brightness."""
    return (image.astype(np.float32) @ _GREY)[..., None]


def _rounded(values: np.ndarray) -> np.ndarray:
    """Rounds values between 0 and 255."""
    return (values + 0.5).astype(np.uint8)
