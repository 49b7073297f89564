"""Sparse depth maps for the cameras of the Waymo Open Dataset, from its lidars.

These components of a segment are read: `lidar`, `lidar_pose`, `lidar_calibration`,
`lidar_camera_projection`, `vehicle_pose`, `camera_image` (for the vehicle's pose) and
`camera_calibration`. All five lasers and the first return of each pulse are used.

The top laser takes a tenth of a second per turn, in which the vehicle moves by metres.
Therefore each point is transformed to the world frame with the vehicle's pose at the
time of the point, and then to the camera at the time of the image.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeplab.datasets.waymo.lidar import (
    depth_of,
    draw_depth,
    moved,
    moved_by_poses,
    row_inclinations,
    vehicle_points,
)
from deeplab.datasets.waymo.tables import (
    CAMERA,
    LASER,
    TIME,
    CameraKey,
    Span,
    array_of,
    read_rows,
    span_around,
)

# Component -> (its name in columns, channels) of the range images.
_RANGES = "lidar"
_PROJECTION = "lidar_camera_projection"
_POSES = "lidar_pose"
_RANGE_IMAGES = {
    _RANGES: ("LiDARComponent", 4),
    _PROJECTION: ("LiDARCameraProjectionComponent", 6),
    _POSES: ("LiDARPoseComponent", 6),
}
# The laser with a pose per pixel.
_TOP = 1
_BEAMS = "[LiDARCalibrationComponent].beam_inclination"

# Time and number of the laser.
_ScanKey = tuple[int, int]


class _LaserPoints(NamedTuple):
    """Points of a laser in one image: `[N]` pixels, and depth in metres."""

    columns: np.ndarray
    rows: np.ndarray
    depth: np.ndarray


# Time -> camera -> points.
_Measured = Mapping[int, Mapping[int, Sequence[_LaserPoints]]]


class _Laser(NamedTuple):
    """The mounting and the beams of a laser; see `row_inclinations`."""

    vehicle_from_laser: np.ndarray
    lowest: float
    highest: float
    values: np.ndarray


def read_depth(
    folder: Path, file: str, key: CameraKey, size: tuple[int, int]
) -> np.ndarray:
    """Returns the sparse depth map of an image.

    Args:
      folder: folder of a split, with a folder for each component.
      file: name of the segment's files.
      key: time and camera of the image.
      size: height and width of the image.

    Returns:
      `[height, width]` float32, metres along the optical axis of the camera, 0 where
      there is no point; if a pixel has several points, the nearest.

    Raises:
      ValueError: a file is corrupt, or does not match the others.
      FileNotFoundError: a component is missing.
    """
    path = folder / _RANGES / file
    time, _ = key
    span = span_around(path, time)
    kept = _kept(folder, file)
    if span not in kept:
        kept[span] = _measured(folder, file, span)
    measured = kept[span]
    if time not in measured:
        raise ValueError(f"{path}: no range image at {time}, which has labels")
    parts = measured[time].get(key[1], [])
    columns, rows, depth = (
        np.concatenate([part[i] for part in parts] or [np.zeros(0, np.uint16)])
        for i in range(3)
    )
    return draw_depth(columns, rows, depth, size)


# The images of a segment are read one after another, separately for each camera.
@functools.lru_cache(maxsize=1)
def _kept(folder: Path, file: str) -> dict[Span, _Measured]:
    """Returns the cache of measured points for the spans of a segment."""
    del folder, file
    return {}


def _measured(folder: Path, file: str, span: Span) -> _Measured:
    """Returns the points measured at each labelled time in a span."""
    lasers = _lasers(folder / "lidar_calibration" / file)
    cameras = _cameras(folder, file, span)
    vehicle = _transforms(
        folder / "vehicle_pose" / file,
        (TIME,),
        "[VehiclePoseComponent].world_from_vehicle",
        span,
    )
    result: dict[int, dict[int, list[_LaserPoints]]] = {}
    for (time, laser), scan in _scans(folder, file, span):
        if laser not in lasers:
            path = folder / "lidar_calibration" / file
            raise ValueError(f"{path}: no calibration of laser {laser}")
        if (time,) not in vehicle:
            raise ValueError(f"{folder / 'vehicle_pose' / file}: no pose at {time}")
        where = f"{folder / _RANGES / file}, laser {laser} at {time}"
        points, projections = _points(scan, lasers[laser], vehicle[time,], where)
        found = result.setdefault(time, {})
        for (moment, camera), world_from_camera in cameras.items():
            if moment == time:
                found.setdefault(camera, []).extend(
                    _seen_by(camera, points, projections, world_from_camera)
                )
    return result


def _points(
    scan: Mapping[str, np.ndarray],
    laser: _Laser,
    world_from_vehicle: np.ndarray,
    where: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns `[N, 3]` world points in any camera, and their `[N, 6]` projections."""
    ranges, projections = scan[_RANGES][..., 0], scan[_PROJECTION]
    shapes = {name: image.shape[:2] for name, image in scan.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{where}: range images differ in size: {shapes}")
    seen = (ranges > 0) & (projections[..., 0] > 0)
    try:
        inclinations = row_inclinations(
            laser.lowest, laser.highest, laser.values, len(ranges)
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    points = vehicle_points(ranges, seen, inclinations, laser.vehicle_from_laser)
    if _POSES in scan:
        return moved_by_poses(points, scan[_POSES][seen]), projections[seen]
    return moved(points, world_from_vehicle), projections[seen]


def _seen_by(
    camera: int,
    points: np.ndarray,
    projections: np.ndarray,
    world_from_camera: np.ndarray,
) -> Iterator[_LaserPoints]:
    """Yields the points of one camera; a point is in at most two images."""
    for first in (0, 3):
        here = projections[:, first] == camera
        # Pixel i covers i to i + 1.
        columns, rows = np.floor(projections[here, first + 1 : first + 3].T)
        depth = depth_of(points[here], world_from_camera)
        yield _LaserPoints(
            columns.astype(np.int32), rows.astype(np.int32), depth.astype(np.float32)
        )


def _scans(
    folder: Path, file: str, span: Span
) -> Iterator[tuple[_ScanKey, Mapping[str, np.ndarray]]]:
    """Yields the range images of each scan: component -> `[H, W, C]`.

    Raises:
      ValueError: a file lacks a scan that another has.
    """
    labelled = folder / "camera_segmentation" / file
    times = {row[TIME].as_py() for row in read_rows(labelled, [TIME], span)}
    streams = [_range_images(folder, file, name, span) for name in _RANGE_IMAGES]
    waiting: dict[_ScanKey, dict[str, np.ndarray]] = {}
    # Files are sorted by time, so few scans wait for their other components.
    for key, name, row in heapq.merge(*streams, key=lambda part: part[0][0]):
        if key[0] not in times:
            continue
        parts = waiting.setdefault(key, {})
        parts[name] = _range_image(row, name, f"{folder / name / file}, {_text(key)}")
        if not _missing(key, parts):
            yield key, waiting.pop(key)
    for key, parts in waiting.items():
        name = _missing(key, parts)[0]
        raise ValueError(f"{folder / name / file}: no {_text(key)}")


def _missing(key: _ScanKey, parts: Mapping[str, np.ndarray]) -> list[str]:
    needed = [_RANGES, _PROJECTION] + [_POSES] * (key[1] == _TOP)
    return [name for name in needed if name not in parts]


def _text(key: _ScanKey) -> str:
    return f"laser {key[1]} at {key[0]}"


def _range_images(
    folder: Path, file: str, name: str, span: Span
) -> Iterator[tuple[_ScanKey, str, Mapping[str, Any]]]:
    prefix = f"[{_RANGE_IMAGES[name][0]}].range_image_return1"
    columns = [TIME, LASER, f"{prefix}.values", f"{prefix}.shape"]
    for row in read_rows(folder / name / file, columns, span):
        yield (row[TIME].as_py(), row[LASER].as_py()), name, row


def _range_image(row: Mapping[str, Any], name: str, where: str) -> np.ndarray:
    component, channels = _RANGE_IMAGES[name]
    prefix = f"[{component}].range_image_return1"
    values = array_of(row[f"{prefix}.values"])
    shape = tuple(array_of(row[f"{prefix}.shape"]).tolist())
    if len(shape) != 3 or shape[2] != channels or values.size != np.prod(shape):
        raise ValueError(
            f"{where}: {values.size} values of shape {list(shape)} are not a range "
            f"image of shape [H, W, {channels}]"
        )
    return values.reshape(shape)


def _lasers(path: Path) -> dict[int, _Laser]:
    columns = [f"{_BEAMS}.min", f"{_BEAMS}.max", f"{_BEAMS}.values"]
    mounted = _transforms(path, (LASER,), "[LiDARCalibrationComponent].extrinsic")
    result = {}
    for row in read_rows(path, [LASER, *columns]):
        number = row[LASER].as_py()
        lowest, highest = (row[name].as_py() for name in columns[:2])
        beams = array_of(row[columns[2]])
        result[number] = _Laser(mounted[number,], lowest, highest, beams)
    return result


def _cameras(folder: Path, file: str, span: Span) -> dict[CameraKey, np.ndarray]:
    """Returns the `[4, 4]` world pose of each camera at the time of each image."""
    path = folder / "camera_calibration" / file
    mounted = _transforms(path, (CAMERA,), "[CameraCalibrationComponent].extrinsic")
    vehicle = _transforms(
        folder / "camera_image" / file,
        (TIME, CAMERA),
        "[CameraImageComponent].pose",
        span,
    )
    for _, camera in vehicle:
        if (camera,) not in mounted:
            raise ValueError(f"{path}: no calibration of camera {camera}")
    return {
        (time, camera): world_from_vehicle @ mounted[camera,]
        for (time, camera), world_from_vehicle in vehicle.items()
    }


def _transforms(
    path: Path, key: tuple[str, ...], prefix: str, span: Span | None = None
) -> dict[tuple[int, ...], np.ndarray]:
    """Returns the `[4, 4]` transforms of a file by the values of the key columns."""
    column = f"{prefix}.transform"
    result = {}
    for row in read_rows(path, [*key, column], span):
        values = array_of(row[column])
        if values.size != 16:
            raise ValueError(f"{path}: {column} has {values.size} values, not 16")
        result[tuple(row[k].as_py() for k in key)] = values.reshape(4, 4)
    return result
