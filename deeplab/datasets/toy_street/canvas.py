"""A pinhole camera that renders to colour, label and depth canvases together.

The colour canvas is twice as large as the others and is downsampled at the end, so that
edges are smooth in the image and sharp in the labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from deeplab.datasets.toy_street.scene import Color

# Metres.
CAMERA_HEIGHT = 1.8
FAR = 120.0

# Focal length as a fraction of the image height.
_FOCAL = 1.25
_OVERSAMPLING = 2

# (column, row) in pixels of the label canvas.
Point = tuple[float, float]
# (x, y, z) in metres; x to the right, y upwards from the ground, z forwards.
Place = tuple[float, float, float]


class Canvas:
    """Canvases for colour, label and depth, and the projection onto them.

    Attributes:
      image: oversampled colours.
      label: 32-bit labels.
      depth: 32-bit floats, metres along the optical axis.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        horizon: float,
        vanishing: float,
        label: int,
    ):
        """Creates canvases filled with `label` and depth 0.

        Args:
          height: rows.
          width: columns.
          horizon: row of the horizon, as a fraction of the height.
          vanishing: column of the vanishing point, as a fraction of the width.
          label: initial label of every pixel.
        """
        self.height, self.width = height, width
        self.focal = _FOCAL * height
        self.horizon = horizon * height
        self.vanishing = vanishing * width
        big = (width * _OVERSAMPLING, height * _OVERSAMPLING)
        self.image = Image.new("RGB", big)
        self.label = Image.new("I", (width, height), label)
        self.depth = Image.new("F", (width, height), 0.0)
        self._draw_image = ImageDraw.Draw(self.image)
        self._draw_label = ImageDraw.Draw(self.label)
        self._draw_depth = ImageDraw.Draw(self.depth)

    def project(self, x: float, y: float, z: float) -> Point:
        """Projects a point in metres; points behind the camera are moved ahead."""
        scale = self.focal / max(z, 0.3)
        return self.vanishing + scale * x, self.horizon + scale * (CAMERA_HEIGHT - y)

    def strip(self, x0: float, x1: float, z0: float, z1: float) -> list[Point]:
        """Returns the corners of a rectangle on the ground, near left first."""
        corners = ((x0, 0.0, z0), (x1, 0.0, z0), (x1, 0.0, z1), (x0, 0.0, z1))
        return [self.project(*corner) for corner in corners]

    def polygon(
        self,
        points: Sequence[Point],
        color: Color,
        label: int | None = None,
        depth: float | None = None,
    ) -> None:
        """Fills a polygon; without a label, only its colour."""
        self._draw_image.polygon(
            [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points], fill=color
        )
        if label is not None:
            self._draw_label.polygon(points, fill=label)
            self._draw_depth.polygon(points, fill=depth)

    def ellipse(
        self,
        center: Point,
        radii: Point,
        color: Color,
        label: int | None = None,
        depth: float | None = None,
    ) -> None:
        """Fills an ellipse; without a label, only its colour."""
        points = [
            (center[0] + radii[0] * math.cos(a), center[1] + radii[1] * math.sin(a))
            for a in np.linspace(0, 2 * math.pi, 20, endpoint=False).tolist()
        ]
        self.polygon(points, color, label, depth)

    def face(
        self,
        corners: Sequence[Place],
        color: Color,
        label: int | None = None,
        depth: float | None = None,
    ) -> None:
        """Fills a flat face given by corners in metres."""
        self.polygon([self.project(*c) for c in corners], color, label, depth)

    def frustum(
        self,
        lower: tuple[float, float, float, float, float],
        upper: tuple[float, float, float, float, float],
        color: Color,
        label: int,
    ) -> None:
        """Fills the visible faces of a box that may taper.

        Args:
          lower: left x, right x, near z, far z and y of the lower face.
          upper: left x, right x, near z, far z and y of the upper face.
          color: colour of the near face; the others are lighter or darker.
          label: label of the box.
        """
        (a0, a1, n0, f0, y0), (b0, b1, n1, f1, y1) = lower, upper
        for x, top, shows in ((a1, b1, a1 < 0), (a0, b0, a0 > 0)):
            if shows:
                side = ((x, y0, n0), (x, y0, f0), (top, y1, f1), (top, y1, n1))
                self.face(side, shaded(color, 0.72), label, n0)
        if y1 < CAMERA_HEIGHT:
            roof = ((b0, y1, n1), (b1, y1, n1), (b1, y1, f1), (b0, y1, f1))
            self.face(roof, shaded(color, 1.15), label, n0)
        near = ((a0, y0, n0), (a1, y0, n0), (b1, y1, n1), (b0, y1, n1))
        self.face(near, color, label, n0)

    def colors(self) -> np.ndarray:
        """Returns the image, `[height, width, 3]` float32, 0 to 255."""
        return np.asarray(self.image.reduce(_OVERSAMPLING), np.float32)


def shaded(color: Color, factor: float) -> Color:
    """Returns a brighter or darker shade of a colour."""
    red, green, blue = (min(int(v * factor), 255) for v in color)
    return red, green, blue
