"""Random street scenes as lists of objects in metres; `drawing` draws them.

The camera is at x = 0, z = 0 and looks along z, down a straight street. x points to the
right, y upwards from the ground. A scene is a function of its seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[int, int, int]

# Distance in metres beyond which cars are too small.
_FAR = 22.0


@dataclass(frozen=True)
class Building:
    """A house on one side of the street, whose front extends from z0 to z1."""

    side: int
    z0: float
    z1: float
    height: float
    color: Color
    window: Color


@dataclass(frozen=True)
class Item:
    """Something that stands on the ground.

    Attributes:
      kind: "car", "person", "light", "tree", "hedge" or "bin".
      x: metres of its middle to the right of the camera.
      z: metres from the camera to its near end, at time 0.
      size: width, height and length in metres.
      color: colour of its largest part.
      instance: number among the things of its class; 0 in a crowd.
      speed: metres per second along x and z.
      look: seed of the variation between items of one kind.
    """

    kind: str
    x: float
    z: float
    size: tuple[float, float, float]
    color: Color
    instance: int = 0
    speed: tuple[float, float] = (0.0, 0.0)
    look: int = 0


@dataclass(frozen=True)
class Scene:
    """A street.

    Attributes:
      curbs: x of the left and the right edge of the road.
      walls: x of the fronts of the houses.
      buildings: houses, far ones first.
      items: all other objects.
      horizon: row of the horizon, as a fraction of the height.
      vanishing: column of the vanishing point, as a fraction of the width.
      sky: colours of the zenith and the horizon.
      light: brightness of red, green and blue.
      sun: sideways shift of shadows, metres per metre of height; None when overcast.
      hood: whether the bonnet of the camera's own car is visible at the bottom.
      camera_speed: metres per second along z.
      seed: seed of textures and noise.
    """

    curbs: tuple[float, float]
    walls: tuple[float, float]
    buildings: tuple[Building, ...]
    items: tuple[Item, ...]
    horizon: float
    vanishing: float
    sky: tuple[Color, Color]
    light: tuple[float, float, float]
    sun: float | None
    hood: bool
    camera_speed: float
    seed: int


_WALL_COLORS: tuple[Color, ...] = (
    (176, 160, 140),
    (150, 92, 74),
    (196, 186, 168),
    (130, 128, 128),
    (170, 130, 100),
    (110, 100, 96),
    (205, 198, 190),
)
_CAR_COLORS: tuple[Color, ...] = (
    (178, 28, 32),
    (30, 66, 150),
    (225, 226, 228),
    (28, 30, 34),
    (196, 160, 30),
    (24, 110, 96),
    (120, 124, 130),
)
_SKIES: tuple[tuple[Color, Color], ...] = (
    ((86, 140, 210), (190, 214, 236)),
    ((120, 160, 205), (222, 228, 232)),
    ((168, 176, 186), (206, 210, 214)),
    ((96, 112, 168), (240, 200, 160)),
)


def random_scene(seed: int) -> Scene:
    """Returns the scene of a seed."""
    rng = np.random.default_rng(seed)
    curbs = (-rng.uniform(3.4, 4.4), rng.uniform(3.4, 4.4))
    walls = (curbs[0] - rng.uniform(2.4, 3.6), curbs[1] + rng.uniform(2.4, 3.6))
    overcast = rng.random() < 0.35
    tint = rng.uniform(0.92, 1.08, 3) * rng.uniform(0.82, 1.08)
    things = [
        *_numbered(_cars(rng, curbs)),
        *_numbered(_people(rng, curbs, walls)),
        *_numbered(_lights(rng, curbs)),
    ]
    return Scene(
        curbs=curbs,
        walls=walls,
        buildings=tuple(_buildings(rng)),
        items=(*things, *_crowd(rng, curbs, walls), *_greenery(rng, curbs, walls)),
        horizon=rng.uniform(0.40, 0.46),
        vanishing=rng.uniform(0.42, 0.58),
        sky=_SKIES[2] if overcast else _choose(rng, _SKIES),
        light=(float(tint[0]), float(tint[1]), float(tint[2])),
        sun=None if overcast else float(rng.choice([-1, 1]) * rng.uniform(0.4, 1.2)),
        hood=rng.random() < 0.5,
        camera_speed=rng.uniform(2.0, 8.0),
        seed=int(rng.integers(2**31)),
    )


def _choose(rng: np.random.Generator, options: tuple) -> tuple:
    return options[int(rng.integers(len(options)))]


def _look(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _near(color: Color, rng: np.random.Generator, spread: int = 16) -> Color:
    red, green, blue = (
        int(np.clip(v + rng.integers(-spread, spread + 1), 0, 255)) for v in color
    )
    return red, green, blue


def _numbered(items: list[Item]) -> list[Item]:
    """Numbers the things of one class from 1."""
    return [
        Item(i.kind, i.x, i.z, i.size, i.color, number, i.speed, i.look)
        for number, i in enumerate(items, 1)
    ]


def _buildings(rng: np.random.Generator) -> list[Building]:
    buildings = []
    for side in (-1, 1):
        z = rng.uniform(2.0, 6.0)
        while z < 90:
            z1 = z + rng.uniform(7, 16)
            color = _near(_choose(rng, _WALL_COLORS), rng)
            window = _near((70, 84, 100), rng, 24)
            buildings.append(
                Building(side, z, z1, rng.uniform(4.5, 12.0), color, window)
            )
            z = z1 + (rng.uniform(2, 6) if rng.random() < 0.35 else 0.0)
    return sorted(buildings, key=lambda b: -b.z0)


def _cars(rng: np.random.Generator, curbs: tuple[float, float]) -> list[Item]:
    """Returns cars in two lanes: oncoming on the left, our direction on the right."""
    cars = []
    for lane, direction in ((0.5 * curbs[0], -1), (0.5 * curbs[1], 1)):
        z = rng.uniform(6.5, 14.0)
        while z < _FAR and rng.random() < 0.85:
            size = (rng.uniform(1.75, 2.0), rng.uniform(1.4, 1.75), 4.2)
            cars.append(
                Item(
                    "car",
                    lane + rng.uniform(-0.25, 0.25),
                    z,
                    size,
                    _near(_choose(rng, _CAR_COLORS), rng),
                    speed=(0.0, direction * rng.uniform(2.0, 9.0)),
                    look=_look(rng),
                )
            )
            z += size[2] + rng.uniform(2.5, 8.0)
    return cars


def _person(rng: np.random.Generator, x: float, z: float) -> Item:
    height = rng.uniform(1.55, 1.95)
    color = tuple(int(v) for v in rng.integers(30, 225, 3))
    walk = float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.5))
    return Item(
        "person",
        x,
        z,
        (0.42 * height, height, 0.3),
        (color[0], color[1], color[2]),
        speed=(0.0, walk),
        look=_look(rng),
    )


def _people(
    rng: np.random.Generator, curbs: tuple[float, float], walls: tuple[float, float]
) -> list[Item]:
    people = []
    for side in (0, 1):
        z = rng.uniform(5.5, 9.0)
        while z < 14 and rng.random() < 0.8:
            x = curbs[side] + rng.uniform(0.2, 0.75) * (walls[side] - curbs[side])
            people.append(_person(rng, x, z))
            z += rng.uniform(1.2, 4.0)
    return people


def _crowd(
    rng: np.random.Generator, curbs: tuple[float, float], walls: tuple[float, float]
) -> list[Item]:
    """Returns a distant group of people without instance ids."""
    if rng.random() < 0.6:
        return []
    side = int(rng.integers(2))
    middle = 0.5 * (curbs[side] + walls[side])
    z = rng.uniform(15, 19)
    return [
        _person(rng, middle + rng.uniform(-1.0, 1.0), z + rng.uniform(0, 1.5))
        for _ in range(int(rng.integers(5, 9)))
    ]


def _lights(rng: np.random.Generator, curbs: tuple[float, float]) -> list[Item]:
    lights = []
    for side in (0, 1):
        if rng.random() < 0.7:
            x = curbs[side] + (0.45 if side else -0.45)
            size = (0.75, rng.uniform(4.0, 4.8), 0.3)
            z = rng.uniform(6.5, 12.0)
            lights.append(Item("light", x, z, size, (34, 36, 34), look=_look(rng)))
    return lights


def _greenery(
    rng: np.random.Generator, curbs: tuple[float, float], walls: tuple[float, float]
) -> list[Item]:
    """Returns trees and hedges, and bins, which belong to no class."""
    items = []
    for side, sign in ((0, -1), (1, 1)):
        for z in np.arange(rng.uniform(8, 14), 45, 9):
            if rng.random() < 0.65:
                size = (rng.uniform(2.4, 3.4), rng.uniform(4.2, 6.0), 1.0)
                green = _near((70, 110, 44), rng)
                x, near = curbs[side] + sign * 1.0, float(z + rng.uniform(-2, 2))
                items.append(Item("tree", x, near, size, green, look=_look(rng)))
        if rng.random() < 0.6:
            size = (0.9, rng.uniform(0.9, 1.4), rng.uniform(5, 14))
            green = _near((60, 100, 48), rng)
            x = walls[side] - sign * 0.5
            items.append(Item("hedge", x, rng.uniform(8, 20), size, green))
        if rng.random() < 0.3:
            x = walls[side] - sign * rng.uniform(0.5, 0.9)
            gray = _near((96, 100, 104), rng)
            items.append(Item("bin", x, rng.uniform(6.5, 10), (0.7, 1.1, 0.7), gray))
    return items
