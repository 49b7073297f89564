"""Draws a street scene: image, panoptic labels and depth that agree in every pixel.

Objects are painted from far to near.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.runs import areas, find_runs
from deeplab.datasets.toy_street.canvas import (
    CAMERA_HEIGHT,
    FAR,
    Canvas,
    Point,
    shaded,
)
from deeplab.datasets.toy_street.items import paint_item
from deeplab.datasets.toy_street.scene import Building, Color, Item, Scene

# Items nearer than this, in metres, have left the view.
_NEAREST = 2.5
# Things whose visible part is below this fraction of the image become void.
_MIN_VISIBLE = 0.0012
# Distance in metres over which haze takes on the colour of the sky.
_VISIBILITY = 140.0
_CLASS_OF_KIND = {
    "car": "car",
    "hedge": "vegetation",
    "light": "traffic light",
    "person": "person",
    "tree": "vegetation",
}
# Class name -> amplitude of its brightness noise in patches and per pixel.
_TEXTURES = {
    "building": (0.05, 0.012),
    "road": (0.05, 0.05),
    "sidewalk": (0.05, 0.012),
    "vegetation": (0.26, 0.1),
}


class Frame(NamedTuple):
    """A drawn frame."""

    # [h, w, 3] uint8.
    image: np.ndarray
    # [h, w] int32 panoptic labels.
    label: np.ndarray
    # [h, w] float32, metres along the optical axis; 0 where unknown (the sky).
    depth: np.ndarray


def draw(
    scene: Scene, info: DatasetInfo, height: int, width: int, time: float = 0.0
) -> Frame:
    """Draws a scene.

    Args:
      scene: the scene.
      info: the data set that defines the labels.
      height: rows of the image.
      width: columns of the image.
      time: time in seconds; the camera and the items move.
    """
    return _Drawing(scene, info, height, width, time).draw()


class _Drawing:
    """The drawing of one frame."""

    def __init__(
        self, scene: Scene, info: DatasetInfo, height: int, width: int, time: float
    ):
        self._scene = scene
        self._info = info
        self._time = time
        self._moved = scene.camera_speed * time
        self._class = {c.name: c.id for c in info.classes}
        self._void = info.label_space.void
        self._canvas = Canvas(
            height,
            width,
            horizon=scene.horizon,
            vanishing=scene.vanishing,
            label=self._stuff("sky"),
        )
        self._wall_depths = {wall: self._wall_depth(wall) for wall in scene.walls}

    def draw(self) -> Frame:
        self._paint_sky()
        self._paint_ground()
        for building in self._scene.buildings:
            self._paint_building(building)
        distances = [(self._distance(item), item) for item in self._scene.items]
        visible = [d for d in distances if d[0] > _NEAREST]
        self._paint_shadows([item for _, item in visible])
        for z, item in sorted(visible, key=lambda d: -d[0]):
            paint_item(self._canvas, item, z, self._label_of(item))
        if self._scene.hood:
            self._paint_hood()
        return self._finish()

    def _distance(self, item: Item) -> float:
        return item.z + item.speed[1] * self._time - self._moved

    def _stuff(self, name: str) -> int:
        return self._info.label_space.encode(self._class[name], 0)

    def _label_of(self, item: Item) -> int:
        if item.kind not in _CLASS_OF_KIND:
            return self._void
        class_id = self._class[_CLASS_OF_KIND[item.kind]]
        return self._info.label_space.encode(class_id, item.instance)

    def _paint_sky(self) -> None:
        image = self._canvas.image
        zenith, low = (np.array(c, np.float32) for c in self._scene.sky)
        share = np.linspace(0, 1, image.height) / self._scene.horizon
        share = np.clip(share, 0, 1)[:, None]
        column = (zenith * (1 - share) + low * share).astype(np.uint8)
        image.paste(Image.fromarray(np.repeat(column[:, None], image.width, axis=1)))

    def _paint_ground(self) -> None:
        canvas, rng = self._canvas, np.random.default_rng(self._scene.seed)
        width, height = canvas.width, canvas.height
        top = canvas.project(0, 0, FAR)[1]
        pavement = _gray((148, 142, 134), int(rng.integers(-14, 15)))
        everywhere = [(0, top), (width, top), (width, height), (0, height)]
        canvas.polygon(everywhere, pavement, self._stuff("sidewalk"), 0.0)
        asphalt = _gray((82, 82, 86), int(rng.integers(-12, 13)))
        left, right = self._scene.curbs
        road = canvas.strip(left, right, 0.3, FAR)
        canvas.polygon(road, asphalt, self._stuff("road"), 0.0)
        self._paint_lines(pavement)
        rows = np.arange(height, dtype=np.float32) - canvas.horizon
        plane = canvas.focal * CAMERA_HEIGHT / np.maximum(rows, 0.5)
        plane = np.repeat(np.minimum(plane, FAR)[:, None], width, axis=1)
        plane[np.asarray(canvas.label) == self._stuff("sky")] = 0
        canvas.depth.paste(Image.fromarray(plane.astype(np.float32)))

    def _paint_lines(self, pavement: Color) -> None:
        """Paints the curbs, the joints of the pavement and the lane markings."""
        canvas = self._canvas
        for curb, wall in zip(self._scene.curbs, self._scene.walls, strict=True):
            stone = curb + math.copysign(0.22, curb)
            canvas.polygon(canvas.strip(curb, stone, 0.3, FAR), (176, 174, 168))
            for z in np.arange(1.0 - self._moved % 3.0, 60.0, 3.0).tolist():
                joint = canvas.strip(curb, wall, z, z + 0.07)
                canvas.polygon(joint, shaded(pavement, 0.82))
        for z in np.arange(-(self._moved % 6.0), 66.0, 6.0).tolist():
            canvas.polygon(canvas.strip(-0.09, 0.09, z, z + 3.0), (214, 214, 206))

    def _paint_building(self, building: Building) -> None:
        canvas, label, top = self._canvas, self._stuff("building"), building.height
        wall = self._scene.walls[0 if building.side < 0 else 1]
        z0, z1 = max(building.z0 - self._moved, 1.0), building.z1 - self._moved
        if z1 < z0:
            return
        end = wall + building.side * 12.0
        gable = [(wall, 0, z0), (end, 0, z0), (end, top, z0), (wall, top, z0)]
        canvas.face(gable, shaded(building.color, 0.8), label, z0)
        front = [(wall, 0, z0), (wall, 0, z1), (wall, top, z1), (wall, top, z0)]
        points = [canvas.project(*c) for c in front]
        canvas.polygon(points, building.color, label, z0)
        mask = Image.new("1", canvas.depth.size)
        ImageDraw.Draw(mask).polygon(points, fill=1)
        canvas.depth.paste(self._wall_depths[wall], mask=mask)
        self._paint_windows(building, wall, z0, z1)

    def _wall_depth(self, wall: float) -> Image.Image:
        """Returns the depth of the plane x = `wall` of the fronts of houses."""
        canvas = self._canvas
        columns = np.arange(canvas.width, dtype=np.float32) - canvas.vanishing
        ahead = columns * wall > 0
        depth = canvas.focal * wall / np.where(ahead, columns, np.inf)
        depth = np.repeat(depth[None], canvas.height, axis=0)
        return Image.fromarray(np.minimum(depth, FAR).astype(np.float32))

    def _paint_windows(
        self, building: Building, wall: float, z0: float, z1: float
    ) -> None:
        length = building.z1 - building.z0
        count = max(int(length / 2.6), 1)
        for i in range(count):
            near = building.z0 - self._moved + length * (i + 0.28) / count
            far = near + 0.46 * length / count
            if near < z0 or far > z1:
                continue
            for floor in range(int(building.height // 2.9)):
                low, high = 0.9 + 2.9 * floor, 2.4 + 2.9 * floor
                corners = [
                    (wall, low, near),
                    (wall, low, far),
                    (wall, high, far),
                    (wall, high, near),
                ]
                self._canvas.face(corners, building.window)

    def _paint_shadows(self, items: list[Item]) -> None:
        """Darkens the ground below and next to the items that stand on it."""
        canvas = self._canvas
        mask = Image.new("L", canvas.label.size)
        shadows = ImageDraw.Draw(mask)
        for item in items:
            for points in self._shadow(item):
                shadows.polygon(points, fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(canvas.height / 160))
        label = np.asarray(canvas.label)
        ground = (label == self._stuff("road")) | (label == self._stuff("sidewalk"))
        mask = Image.fromarray((np.asarray(mask) * (0.55 * ground)).astype(np.uint8))
        mask = mask.resize(canvas.image.size, Image.Resampling.BILINEAR)
        canvas.image.paste((18, 20, 28), mask=mask)

    def _shadow(self, item: Item) -> list[list[Point]]:
        """Returns the outlines, on the ground, of an item's shadow."""
        z, (width, height, length) = self._distance(item), item.size
        left, right = item.x - width / 2, item.x + width / 2
        foot = self._canvas.strip(left, right, z - 0.15, z + length)
        if self._scene.sun is None:
            return [foot]
        aside, behind = self._scene.sun * height, 0.5 * height
        head = self._canvas.strip(
            left + aside, right + aside, z + behind, z + length + behind
        )
        return [foot, [foot[0], foot[1], head[1], head[2], head[3], head[0]]]

    def _paint_hood(self) -> None:
        """Paints the bonnet of the camera's own car, which is void."""
        canvas = self._canvas
        x, y = 0.5 * canvas.width, 1.06 * canvas.height
        radii = (0.42 * canvas.width, 0.13 * canvas.height)
        canvas.ellipse((x, y), radii, (40, 42, 48), self._void, 1.0)
        canvas.ellipse((x, y + 0.012 * canvas.height), radii, (58, 62, 70))

    def _finish(self) -> Frame:
        labels = self._info.label_space
        label = np.array(self._canvas.label, np.int32)
        depth = np.array(self._canvas.depth, np.float32)
        pixels = self._textured(labels.class_of(label), depth)
        values, visible, _ = areas(find_runs(label))
        is_instance = labels.decode(values)[1] > 0
        small = values[is_instance & (visible < _MIN_VISIBLE * label.size)]
        label[np.isin(label, small)] = self._void
        image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        return Frame(image, label, depth)

    def _textured(self, class_ids: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Adds texture, haze, light and sensor noise to the colours."""
        canvas, seed = self._canvas, self._scene.seed
        size = (canvas.height, canvas.width)
        texture = np.random.default_rng(seed)
        sensor = np.random.default_rng([seed, round(1000 * self._time)])
        clouds = _smooth_noise(texture, *size, canvas.height / 8)
        patches = _smooth_noise(texture, *size, canvas.height / 40)
        grain = sensor.standard_normal(size, np.float32)
        brightness = 1 + 0.012 * grain
        for name, (patchy, grainy) in _TEXTURES.items():
            where = class_ids == self._class[name]
            brightness[where] = 1 + patchy * patches[where] + grainy * grain[where]
        brightness += 0.07 * clouds * (class_ids == self._class["sky"])
        pixels = canvas.colors() * brightness[..., None]
        haze = 1 - np.exp(-depth / _VISIBILITY)[..., None]
        pixels += haze * (np.array(self._scene.sky[1], np.float32) - pixels)
        pixels *= np.array(self._scene.light, np.float32)
        return pixels + 2.5 * sensor.standard_normal(pixels.shape, np.float32)


def _gray(color: Color, tone: int) -> Color:
    red, green, blue = (v + tone for v in color)
    return red, green, blue


def _smooth_noise(
    rng: np.random.Generator, height: int, width: int, scale: float
) -> np.ndarray:
    """Returns `[height, width]` float32, about -1 to 1, in patches of `scale`."""
    shape = (max(int(height / scale), 2), max(int(width / scale), 2))
    small = Image.fromarray(rng.uniform(-1, 1, shape).astype(np.float32))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
