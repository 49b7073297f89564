"""Range images become points where geometry says they are."""

import numpy as np
import pytest

from deeplab.datasets.waymo.lidar import (
    depth_of,
    draw_depth,
    moved,
    moved_by_poses,
    row_inclinations,
    vehicle_points,
)
from tests.datasets.waymo.wod_lidar_tree import rotation, transform


def test_even_beams_are_in_the_middle_of_their_shares_highest_first():
    found = row_inclinations(-0.4, 0.4, np.zeros(0), 4)
    np.testing.assert_allclose(found, [0.3, 0.1, -0.1, -0.3])


def test_beams_of_their_own_come_highest_first():
    found = row_inclinations(9, 9, np.array([-0.3, -0.1, 0.2]), 3)
    np.testing.assert_array_equal(found, [0.2, -0.1, -0.3])
    with pytest.raises(ValueError, match="3 beam inclinations for 64 rows"):
        row_inclinations(9, 9, np.array([-0.3, -0.1, 0.2]), 64)


def test_a_beam_meets_the_floor_around_the_vehicle():
    """At 2 metres above it, 30 degrees down: 4 metres away, 2 * sqrt(3) sideways.

    The first of four columns looks 135 degrees to the left, the last to the right.
    """
    mounted = transform(rotation(), (1.0, 0.0, 2.0))
    ranges, seen = np.full((1, 4), 4.0, np.float32), np.ones((1, 4), bool)
    points = vehicle_points(ranges, seen, np.deg2rad([-30.0]), mounted)
    side = 2 * np.sqrt(3) / np.sqrt(2)
    expected = [[-side, side], [side, side], [side, -side], [-side, -side]]
    np.testing.assert_allclose(points[:, :2] - (1, 0), expected, atol=1e-6)
    np.testing.assert_allclose(points[:, 2], 0, atol=1e-6)


def test_columns_belong_to_the_vehicle_however_the_laser_is_turned():
    ranges, seen = np.full((1, 8), 4.0, np.float32), np.eye(1, 8, 3, dtype=bool)
    straight, turned = (
        vehicle_points(ranges, seen, np.zeros(1), transform(rotation(yaw=yaw), 0))
        for yaw in (0.0, 2.0)
    )
    assert straight.shape == (1, 3)
    np.testing.assert_allclose(straight, turned, atol=1e-6)


def test_poses_of_points_are_those_of_matrices():
    generator = np.random.default_rng(0)
    points, poses = generator.normal(size=(5, 3)), generator.normal(size=(5, 6))
    expected = [
        moved(points[i : i + 1], transform(rotation(*pose[:3]), pose[3:]))[0]
        for i, pose in enumerate(poses)
    ]
    np.testing.assert_allclose(moved_by_poses(points, poses), expected)


def test_depth_is_measured_along_the_optical_axis():
    """A camera at (1, 2, 3) that looks to the left: only y counts."""
    camera = transform(rotation(yaw=np.pi / 2), (1.0, 2.0, 3.0))
    points = np.array([[1.0, 12.0, 3.0], [40.0, 12.0, -7.0], [1.0, 0.0, 3.0]])
    np.testing.assert_allclose(depth_of(points, camera), [10, 10, -2])


def test_the_nearest_point_of_a_pixel_stays():
    columns, rows = np.array([1, 1, 1, 0, 3, -1]), np.array([0, 0, 0, 1, 0, 0])
    depth = np.array([5, 2, 7, -1, 4, 4], np.float32)
    found = draw_depth(columns, rows, depth, (2, 3))
    np.testing.assert_array_equal(found, [[0, 2, 0], [0, 0, 0]])
    assert found.dtype == np.float32
