"""Draws what the lasers of a moving vehicle measure, with the columns of the data set.

In front of each camera, across its optical axis, stands a wall at a known distance from
where the camera is when it takes its images. Rays are followed in the world, so that
nothing of the code under test is used.
"""

import numpy as np

# Camera -> metres to its wall, and its heading in degrees, to the left.
WALLS = {1: 20.0, 2: 12.5, 3: 30.0, 4: 8.0, 5: 5.25}
_HEADINGS = {1: 0, 2: 45, 3: -45, 4: 90, 5: -90}
_FOCAL = 6.0
_HEIGHT, _WIDTH = 8, 12
_TOP, _FRONT = 1, 2
# Radians, from the lowest beam up; those of the second laser are even.
_TOP_BEAMS = (-0.3, -0.1, 0.02, 0.2)
_FRONT_BEAMS = (-0.4, 0.4)
_COLUMNS = 32


def rotation(roll=0.0, pitch=0.0, yaw=0.0):
    """Rolls, then pitches, then yaws; the standard matrices."""
    cr, sr, cp, sp = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    cy, sy = np.cos(yaw), np.sin(yaw)
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def transform(turn, place):
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = turn, place
    return result


# The vehicle when images are taken, when a moment begins, and on its way between.
_AT_IMAGE = transform(rotation(0.02, -0.01, 0.7), (1000.0, -500.0, 30.0))
_AT_START = transform(rotation(0.02, -0.01, 0.68), (998.5, -500.5, 30.0))
# How the lasers and cameras are mounted; the top laser is turned.
_MOUNTED = {
    _TOP: transform(rotation(yaw=2.5), (1.4, 0.0, 2.2)),
    _FRONT: transform(rotation(), (4.0, 0.0, 0.7)),
}
_CAMERAS = {
    camera: transform(rotation(yaw=np.deg2rad(heading)), (1.5, 0.01 * heading, 2.1))
    for camera, heading in _HEADINGS.items()
}


def camera_poses(count):
    """The pose of the vehicle at each of some images."""
    return [_AT_IMAGE.ravel().tolist()] * count


def write_lidar(write, times):
    """Writes all components that depth is made from, but the images.

    Args:
      write: takes the name of a component and its columns.
      times: of the moments; there is one more that has no labels.
    """
    times = [*times, 3000]
    scans = {laser: _scan(laser) for laser in _MOUNTED}
    keys = [(t, laser) for t in times for laser in scans]
    for component, name, part, lasers in (
        ("lidar", "LiDARComponent", 0, scans),
        ("lidar_camera_projection", "LiDARCameraProjectionComponent", 1, scans),
        ("lidar_pose", "LiDARPoseComponent", 2, [_TOP]),
    ):
        prefix = f"[{name}].range_image_return1"
        chosen = [key for key in keys if key[1] in lasers]
        images = [scans[laser][part] for _, laser in chosen]
        write(
            component,
            {
                "key.frame_timestamp_micros": [t for t, _ in chosen],
                "key.laser_name": [laser for _, laser in chosen],
                f"{prefix}.values": [image.ravel().tolist() for image in images],
                f"{prefix}.shape": [list(image.shape) for image in images],
            },
        )
    write(
        "vehicle_pose",
        {
            "key.frame_timestamp_micros": times,
            "[VehiclePoseComponent].world_from_vehicle.transform": [
                _AT_START.ravel().tolist()
            ]
            * len(times),
        },
    )
    prefix = "[LiDARCalibrationComponent]"
    write(
        "lidar_calibration",
        {
            "key.laser_name": list(_MOUNTED),
            f"{prefix}.extrinsic.transform": [
                mounted.ravel().tolist() for mounted in _MOUNTED.values()
            ],
            f"{prefix}.beam_inclination.min": [-0.5, _FRONT_BEAMS[0]],
            f"{prefix}.beam_inclination.max": [0.5, _FRONT_BEAMS[1]],
            f"{prefix}.beam_inclination.values": [list(_TOP_BEAMS), None],
        },
    )
    write(
        "camera_calibration",
        {
            "key.camera_name": list(_CAMERAS),
            "[CameraCalibrationComponent].extrinsic.transform": [
                mounted.ravel().tolist() for mounted in _CAMERAS.values()
            ],
        },
    )


def _scan(laser):
    """Returns ranges `[H, W, 4]`, projections `[H, W, 6]` and poses `[H, W, 6]`."""
    low, high = _FRONT_BEAMS
    # Four even beams are in the middle of quarters of the range.
    even = [low + (high - low) * k / 8 for k in (1, 3, 5, 7)]
    beams = (_TOP_BEAMS if laser == _TOP else even)[::-1]
    ranges = np.full((len(beams), _COLUMNS, 4), -1, np.float32)
    # Where there is no range, nothing of the projection counts.
    projections = np.zeros((len(beams), _COLUMNS, 6), np.float32)
    projections[..., :3] = (1, 6, 4)
    poses = np.zeros((len(beams), _COLUMNS, 6), np.float64)
    for row, beam in enumerate(beams):
        for column in range(_COLUMNS):
            share = (column + 0.5) / _COLUMNS
            pose = [0.02, -0.01, 0.68 + 0.04 * share]
            pose += [998.5 + 3 * share, -500.5 + share, 30.0]
            poses[row, column] = pose
            vehicle = _AT_START
            if laser == _TOP:
                vehicle = transform(rotation(*pose[:3]), pose[3:])
            heading = np.pi - 2 * np.pi * share
            ray = np.array(
                [
                    np.cos(beam) * np.cos(heading),
                    np.cos(beam) * np.sin(heading),
                    np.sin(beam),
                ]
            )
            start = (vehicle @ _MOUNTED[laser])[:3, 3]
            hit = _hit(start, vehicle[:3, :3] @ ray)
            if hit is not None:
                ranges[row, column, 0] = hit[0]
                projections[row, column, :3] = hit[1:]
    return ranges, projections, poses


def _hit(start, ray):
    """Returns range, camera, x and y of what a ray meets; None if no camera sees it."""
    for camera, mounted in _CAMERAS.items():
        pose = _AT_IMAGE @ mounted
        axis = pose[:3, 0]
        distance = WALLS[camera] - (start - pose[:3, 3]) @ axis
        if ray @ axis <= 0:
            continue
        reach = distance / (ray @ axis)
        x, y, z = pose[:3, :3].T @ (start + reach * ray - pose[:3, 3])
        column = np.floor(_WIDTH / 2 - _FOCAL * y / x)
        row = np.floor(_HEIGHT / 2 - _FOCAL * z / x)
        if 0 <= column < _WIDTH and 0 <= row < _HEIGHT:
            return reach, camera, column, row
    return None
