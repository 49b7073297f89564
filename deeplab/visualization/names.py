"""Class names, written into the segments where they fit."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deeplab.visualization.segments import Segment

_MIN_FONT_SIZE = 10
# Image rows per pixel of font size.
_ROWS_PER_FONT_PIXEL = 32
# Empty pixels around a name.
_MARGIN = 2


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Returns the built-in font at a size in pixels."""
    return ImageFont.load_default(size)


def font_size(height: int) -> int:
    """Returns the font size, in pixels, for an image of `height` rows."""
    return max(_MIN_FONT_SIZE, height // _ROWS_PER_FONT_PIXEL)


def draw_names(
    picture: np.ndarray, panoptic: np.ndarray, segments: Sequence[Segment]
) -> np.ndarray:
    """Writes the class name into every segment that has room for it.

    Args:
      picture: `[h, w, 3]` uint8.
      panoptic: `[h, w]` integer labels.
      segments: the segments of the map.

    Returns:
      `[h, w, 3]` uint8.
    """
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    face = font(font_size(picture.shape[0]))
    for segment in segments:
        left, top, right, bottom = pen.textbbox((0, 0), segment.class_name, face)
        width, height = (int(v) + 2 * _MARGIN for v in (right - left, bottom - top))
        place = _place(panoptic, segment, height, width)
        if place is not None:
            y, x = place
            pen.text(
                (x + _MARGIN - left, y + _MARGIN - top),
                segment.class_name,
                fill="white",
                font=face,
                stroke_width=1,
                stroke_fill="black",
            )
    return np.asarray(canvas)


def _place(
    panoptic: np.ndarray, segment: Segment, height: int, width: int
) -> tuple[int, int] | None:
    """Returns the upper left (y, x) of a rectangle inside a segment, near its centre.

    Returns None if no rectangle of this height and width fits into the segment.
    """
    x, y, box_width, box_height = segment.box
    if box_width < width or box_height < height or segment.area < width * height:
        return None
    inside = panoptic[y : y + box_height, x : x + box_width] == segment.id
    sums = np.pad(inside.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    counts = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )
    rows, columns = np.nonzero(counts == height * width)
    if not len(rows):
        return None
    middle = [axis.mean() for axis in np.nonzero(inside)]
    distance = np.hypot(rows + height / 2 - middle[0], columns + width / 2 - middle[1])
    best = int(distance.argmin())
    return y + int(rows[best]), x + int(columns[best])
