"""Horizontal bar charts, such as of one value per class, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_ROW, _LABEL, _BAR, _NUMBER, _MARGIN = 22, 200, 420, 60, 12
_GREY, _BLACK, _WHITE = (225, 225, 225), (20, 20, 20), (255, 255, 255)


class Bar(NamedTuple):
    """One bar of the chart."""

    label: str
    # In percent, 0 to 100.
    value: float
    color: tuple[int, int, int]


def bar_chart(title: str, bars: Sequence[Bar]) -> np.ndarray:
    """Returns a chart, `[h, w, 3]` uint8, with the value written next to each bar."""
    width = _LABEL + _BAR + _NUMBER + 2 * _MARGIN
    height = _ROW * (len(bars) + 1) + 2 * _MARGIN
    picture = Image.new("RGB", (width, height), _WHITE)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(14)
    draw.text((_MARGIN, _MARGIN), title, _BLACK, font)
    for index, bar in enumerate(bars):
        top = _MARGIN + (index + 1) * _ROW
        left = _MARGIN + _LABEL
        draw.text((left - 8, top), bar.label, _BLACK, font, anchor="ra")
        draw.rectangle((left, top, left + _BAR, top + _ROW - 6), _GREY)
        length = round(_BAR * min(max(bar.value, 0.0), 100.0) / 100.0)
        if length:
            draw.rectangle((left, top, left + length, top + _ROW - 6), bar.color)
        draw.text((left + _BAR + 8, top), f"{bar.value:.1f}", _BLACK, font)
    return np.asarray(picture)
