"""Converts range images of the Waymo Open Dataset to points and their camera depth.

Pei Sun et al., "Scalability in Perception for Autonomous Driving: Waymo Open Dataset",
CVPR 2020 (https://arxiv.org/abs/1912.04838). The vehicle and camera frames have x
forward, y left and z up, in metres. A transform `a_from_b` is `[4, 4]` and maps points
from frame b to frame a.
"""

from __future__ import annotations

import numpy as np


def row_inclinations(
    lowest: float, highest: float, values: np.ndarray, rows: int
) -> np.ndarray:
    """Returns the inclination of each row of a range image.

    Args:
      lowest: lower end of the range of evenly spaced beams, in radians.
      highest: upper end of the range, in radians.
      values: `[rows]` radians, from the lowest beam up; empty if evenly spaced.
      rows: number of rows of the range image.

    Returns:
      `[rows]` float64, radians; the first row is the highest beam.

    Raises:
      ValueError: the number of values differs from the number of rows.
    """
    if not values.size:
        values = lowest + (np.arange(rows) + 0.5) / rows * (highest - lowest)
    if values.shape != (rows,):
        raise ValueError(f"{values.size} beam inclinations for {rows} rows")
    return values[::-1]


def vehicle_points(
    ranges: np.ndarray,
    seen: np.ndarray,
    inclinations: np.ndarray,
    vehicle_from_laser: np.ndarray,
) -> np.ndarray:
    """Returns the points of a range image, in the vehicle frame.

    Args:
      ranges: `[H, W]` metres from the laser. Seen from above, columns go clockwise
        around the vehicle, starting and ending at its rear.
      seen: `[H, W]` bool, the N pixels to return, row by row.
      inclinations: `[H]` radians, see `row_inclinations`.
      vehicle_from_laser: `[4, 4]` pose of the laser on the vehicle.

    Returns:
      `[N, 3]` float64.
    """
    rows, columns = np.nonzero(seen)
    width = ranges.shape[1]
    # The middle column points forward, whatever the yaw of the laser.
    mounted = np.arctan2(vehicle_from_laser[1, 0], vehicle_from_laser[0, 0])
    azimuth = np.pi * (1 - 2 * (columns + 0.5) / width) - mounted
    distance = ranges[seen].astype(np.float64)
    flat = distance * np.cos(inclinations[rows])
    points = [flat * np.cos(azimuth), flat * np.sin(azimuth)]
    points.append(distance * np.sin(inclinations[rows]))
    return moved(np.stack(points, axis=1), vehicle_from_laser)


def moved(points: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Transforms `[N, 3]` points to another frame."""
    return points @ transform[:3, :3].T + transform[:3, 3]


def moved_by_poses(points: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Transforms points that were measured while the vehicle moved.

    Args:
      points: `[N, 3]` in the vehicle frame.
      poses: `[N, 6]`, the vehicle's pose at each point: roll, pitch and yaw, in radians
        and applied in this order, then x, y, z.

    Returns:
      `[N, 3]` float64, in the frame of the poses.
    """
    x, y, z = points.T
    (roll, pitch, yaw), place = poses.T[:3].astype(np.float64), poses[:, 3:]
    y, z = _rotated(y, z, roll)
    z, x = _rotated(z, x, pitch)
    x, y = _rotated(x, y, yaw)
    return np.stack([x, y, z], axis=1) + place


def depth_of(points: np.ndarray, world_from_camera: np.ndarray) -> np.ndarray:
    """Returns the `[N]` depths of `[N, 3]` points along the optical axis."""
    axis, center = world_from_camera[:3, 0], world_from_camera[:3, 3]
    return (points - center) @ axis


def draw_depth(
    columns: np.ndarray, rows: np.ndarray, depth: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Draws the depths of points into an image; the nearest point of a pixel is kept.

    Args:
      columns: `[N]` integers. Points outside the image are ignored.
      rows: `[N]` integers.
      depth: `[N]` metres. Points behind the camera are ignored.
      size: height and width of the image.

    Returns:
      `[height, width]` float32, metres, 0 where there is no point.
    """
    height, width = size
    inside = (depth > 0) & (rows >= 0) & (rows < height)
    inside &= (columns >= 0) & (columns < width)
    image = np.full(size, np.inf, np.float32)
    np.minimum.at(image, (rows[inside], columns[inside]), depth[inside])
    return np.where(np.isinf(image), np.float32(0), image)


def _rotated(
    u: np.ndarray, v: np.ndarray, angle: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rotates points in a plane, from axis u towards axis v."""
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * u - sin * v, sin * u + cos * v
