"""Paints the items on a street: cars, people, traffic lights, trees and boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deeplab.datasets.toy_street.canvas import Canvas, Point, shaded
from deeplab.datasets.toy_street.scene import Color, Item

_SKINS: tuple[Color, ...] = ((234, 192, 160), (198, 146, 110), (120, 80, 56))
_HAIR: tuple[Color, ...] = ((40, 30, 24), (96, 66, 40), (150, 120, 70), (70, 70, 72))
_LAMPS: tuple[Color, ...] = ((60, 240, 110), (250, 200, 40), (246, 48, 40))


@dataclass(frozen=True)
class _Figure:
    """An item as a flat figure that faces the camera, at distance `z`."""

    canvas: Canvas
    item: Item
    z: float
    label: int

    def quad(
        self, x: Point, y: Point, color: Color, top: float = 1.0, paint: bool = False
    ) -> None:
        """Fills an upright trapezoid, `top` times as wide above as below.

        Args:
          x: left and right, in widths from the item's middle.
          y: bottom and top, in heights.
          color: colour of the trapezoid.
          top: upper width as a fraction of the lower width.
          paint: whether to draw only the colour, inside the item's outline.
        """
        width, height, _ = self.item.size
        middle, half = 0.5 * (x[0] + x[1]), 0.5 * (x[1] - x[0])
        corners = [
            (middle - half, y[0]),
            (middle + half, y[0]),
            (middle + top * half, y[1]),
            (middle - top * half, y[1]),
        ]
        self.canvas.face(
            [(self.item.x + width * u, height * v, self.z) for u, v in corners],
            color,
            None if paint else self.label,
            self.z,
        )

    def disc(self, x: float, y: float, radii: Point, color: Color) -> None:
        """Fills an upright ellipse; `radii` are in metres."""
        width, height, _ = self.item.size
        center = self.canvas.project(self.item.x + width * x, height * y, self.z)
        scale = self.canvas.focal / self.z
        radii = (radii[0] * scale, radii[1] * scale)
        self.canvas.ellipse(center, radii, color, self.label, self.z)


def paint_item(canvas: Canvas, item: Item, z: float, label: int) -> None:
    """Paints an item whose near end is `z` metres away."""
    _PAINTERS[item.kind](_Figure(canvas, item, z, label))


def _car(figure: _Figure) -> None:
    item, z, label = figure.item, figure.z, figure.label
    width, height, length = item.size
    left, right, waist = item.x - width / 2, item.x + width / 2, 0.58 * height
    for u in (-0.5, 0.34):
        figure.quad((u, u + 0.16), (0.0, 0.25), (22, 22, 24))
    body = (left, right, z, z + length)
    figure.canvas.frustum((*body, 0.14 * height), (*body, waist), item.color, label)
    inset = 0.17 * width
    cabin = (left + 0.05, right - 0.05, z + 0.25, z + 0.75 * length, waist)
    roof = (left + inset, right - inset, z + 0.8, z + 0.6 * length)
    figure.canvas.frustum(cabin, (*roof, height), (46, 58, 70), label)
    figure.canvas.frustum((*roof, height - 0.08), (*roof, height), item.color, label)
    oncoming = item.speed[1] < 0
    lamp = (250, 244, 210) if oncoming else (214, 30, 26)
    for u in (-0.46, 0.28):
        figure.quad((u, u + 0.18), (0.40, 0.50), lamp, paint=True)
    figure.quad((-0.14, 0.14), (0.27, 0.36), (226, 226, 214), paint=True)
    if oncoming:
        figure.quad((-0.24, 0.24), (0.38, 0.50), (30, 30, 32), paint=True)


def _person(figure: _Figure) -> None:
    rng = np.random.default_rng(figure.item.look)
    skin = _SKINS[int(rng.integers(len(_SKINS)))]
    hair = _HAIR[int(rng.integers(len(_HAIR)))]
    red, green, blue = (int(v) for v in rng.integers(20, 110, 3))
    trousers, shirt = (red, green, blue), figure.item.color
    stride = float(rng.uniform(0.04, 0.2))
    figure.quad((-0.26 - stride, -0.02), (0.0, 0.5), shaded(trousers, 0.8), 0.9)
    figure.quad((0.02, 0.26 + stride), (0.0, 0.5), trousers, 0.9)
    for arm in ((-0.48, -0.26), (0.26, 0.48)):
        figure.quad(arm, (0.42, 0.8), shaded(shirt, 0.75))
    figure.quad((-0.32, 0.32), (0.44, 0.84), shirt, 1.1)
    height = figure.item.size[1]
    figure.disc(0, 0.915, (0.065 * height, 0.085 * height), hair)
    figure.disc(0, 0.9, (0.052 * height, 0.064 * height), skin)


def _light(figure: _Figure) -> None:
    figure.quad((-0.15, 0.15), (0.0, 0.6), (70, 72, 74))
    figure.quad((-0.5, 0.5), (0.55, 1.0), figure.item.color)
    for i, color in enumerate(_LAMPS):
        shade = 1.0 if i == figure.item.look % len(_LAMPS) else 0.28
        figure.disc(0, 0.63 + 0.15 * i, (0.24, 0.24), shaded(color, shade))


def _tree(figure: _Figure) -> None:
    rng = np.random.default_rng(figure.item.look)
    width, green = figure.item.size[0], figure.item.color
    figure.quad((-0.07, 0.07), (0.0, 0.6), (84, 66, 48))
    for i in range(9):
        u, v = rng.uniform(-0.28, 0.28), rng.uniform(0.5, 0.82)
        radius = float(rng.uniform(0.2, 0.32)) * width
        figure.disc(u, v, (radius, 0.85 * radius), shaded(green, 0.78 + 0.05 * i))


def _box(figure: _Figure) -> None:
    item, z = figure.item, figure.z
    width, height, length = item.size
    footprint = (item.x - width / 2, item.x + width / 2, z, z + length)
    figure.canvas.frustum(
        (*footprint, 0.0), (*footprint, height), item.color, figure.label
    )


_PAINTERS: dict[str, Callable[[_Figure], None]] = {
    "bin": _box,
    "car": _car,
    "hedge": _box,
    "light": _light,
    "person": _person,
    "tree": _tree,
}
