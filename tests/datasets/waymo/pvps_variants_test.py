"""Depth, frame pairs and records of all cameras, from a drawn segment."""

import functools
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab.data.parsed_example import Wanted, missing_keys, parse_example
from deeplab.data.shards import read_records, write_shards
from deeplab.data.stored_example import stored_example
from deeplab.datasets import DATASETS
from tests.datasets.waymo.wod_lidar_tree import WALLS
from tests.datasets.waymo.wod_tree import CAMERAS, TIMES, label_of, wod_tree

pytest.importorskip("pyarrow", reason="the extra `waymo` is not installed")
DEPTH = "wod_pvps_depth_video_panoptic_seg"
CAMERAS_AT_ONCE = "wod_pvps_image_panoptic_seg_multicam"
ALL = "wod_pvps_depth_video_panoptic_seg_multicam"


def read(root, name, **options):
    return DATASETS.get(name)().read(root, "train", **options)


def change(root, component, edit):
    """Replaces the columns of a file, name -> list, by what `edit` makes of them."""
    import pyarrow
    from pyarrow import parquet

    path = root / "training" / component / "s1.parquet"
    parquet.write_table(pyarrow.table(edit(parquet.read_table(path).to_pydict())), path)


def without_first(count, columns):
    return {name: values[count:] for name, values in columns.items()}


def without_last(columns):
    return {name: values[:-1] for name, values in columns.items()}


def without(ending):
    return lambda columns: {k: v for k, v in columns.items() if not k.endswith(ending)}


def with_value(ending, row, value):
    """Replaces one value of the column with that ending."""

    def edit(columns):
        (name,) = (name for name in columns if name.endswith(ending))
        return columns | {
            name: [value if i == row else v for i, v in enumerate(columns[name])]
        }

    return edit


def check_depth(depth, camera):
    """The wall of a camera is equally far everywhere, along its optical axis."""
    assert depth.shape == (8, 12)
    assert depth.dtype == np.float32
    measured = depth[depth > 0]
    assert measured.size > 10
    np.testing.assert_allclose(measured, WALLS[camera], rtol=1e-5)


def test_a_frame_pair_of_each_camera_with_the_depth_of_the_first(tmp_path):
    wod_tree(tmp_path)
    loaded = [image.load() for image in read(tmp_path, DEPTH)]
    assert [one.sequence_id for one in loaded] == [f"777_{c}" for c in CAMERAS.values()]
    for camera, one in zip(CAMERAS, loaded, strict=True):
        assert one.frame_id == str(TIMES[0])
        check_depth(one.depth, camera)
        np.testing.assert_array_equal(one.label, label_of(camera, TIMES[0]))
        np.testing.assert_array_equal(one.next.label, label_of(camera, TIMES[1]))
        assert np.asarray(Image.open(io.BytesIO(one.next.image))).shape == (8, 12, 3)
        assert one.next.image != one.image


def test_groups_of_rows_of_any_size_and_without_statistics(tmp_path):
    from pyarrow import parquet

    wod_tree(tmp_path)
    expected = [image.load().depth for image in read(tmp_path, DEPTH)]
    for number, (lidar, others) in enumerate(
        (
            ({"row_group_size": 1}, {"row_group_size": 1}),
            # Files whose groups do not end at the same moments.
            ({"row_group_size": 2}, {}),
            ({}, {"row_group_size": 2}),
            ({"write_statistics": False}, {"write_statistics": False}),
        )
    ):
        root = tmp_path / str(number)
        for path in tmp_path.glob("training/*/*.parquet"):
            copy = root / path.relative_to(tmp_path)
            copy.parent.mkdir(parents=True)
            options = lidar if path.parent.name == "lidar" else others
            parquet.write_table(parquet.read_table(path), copy, **options)
        found = [image.load().depth for image in read(root, DEPTH)]
        np.testing.assert_array_equal(found, expected)


def test_a_point_that_two_cameras_see_is_in_both_images(tmp_path):
    """What the first camera sees is moved into one pixel of the second, too."""

    def seen_twice(columns):
        (name,) = (name for name in columns if name.endswith(".values"))
        images = [np.array(values).reshape(-1, 6) for values in columns[name]]
        for pixels in images:
            pixels[pixels[:, 0] == 1, 3:] = (2, 7, 5)
        return columns | {name: [pixels.ravel().tolist() for pixels in images]}

    once, twice = tmp_path / "once", tmp_path / "twice"
    for root in (once, twice):
        wod_tree(root)
    change(twice, "lidar_camera_projection", seen_twice)
    front, left = (image.load().depth for image in read(once, DEPTH)[:2])
    front_too, both = (image.load().depth for image in read(twice, DEPTH)[:2])
    np.testing.assert_array_equal(front_too, front)
    # Points of the wall of the first camera, some nearer than that of the second.
    assert 0 < both[5, 7] != left[5, 7]
    both[5, 7] = left[5, 7]
    np.testing.assert_array_equal(both, left)


def test_the_last_frame_of_a_sequence_has_no_next_one(tmp_path):
    wod_tree(tmp_path, sequences={TIMES[1]: "778"})
    for name, missing in (
        (DEPTH, "no image is labelled and followed by another frame of its sequence"),
        (ALL, "labelled in all of front, .* and followed by another frame"),
    ):
        with pytest.raises(ValueError, match=f"camera_segmentation: .*{missing}"):
            read(tmp_path, name)


def test_all_cameras_of_a_moment_are_one_record(tmp_path):
    wod_tree(tmp_path)
    (image,) = read(tmp_path, ALL)
    assert image.name == f"s1_{TIMES[0]}"
    settings = {"split": "train", "num_shards": 1, "workers": 1, "settings": {}}
    write_shards([image], tmp_path / "records", **settings)
    (path,) = (tmp_path / "records").glob("*.tfrecord")
    (record,) = read_records(path)
    names = tuple(CAMERAS.values())
    wanted = Wanted(next=True, depth=True, cameras=names)
    assert missing_keys(record, wanted) == []
    loaded = image.load()
    for number, one in enumerate((loaded, *loaded.others)):
        assert one.camera == names[number]
        parsed = parse_example(record, None, wanted, number)
        assert parsed["filename"] == f"{image.name}_{one.camera}"
        assert parsed["sequence_id"] == f"777_{one.camera}"
        assert parsed["frame_id"] == str(TIMES[0])
        check_depth(parsed["depth"].numpy().astype(np.float32) / 256, number + 1)
        np.testing.assert_array_equal(parsed["label"], one.label)
        np.testing.assert_array_equal(parsed["next_label"], one.next.label)
        np.testing.assert_array_equal(parsed["image"], tf.io.decode_jpeg(one.image))


def test_images_of_all_cameras_have_neither_depth_nor_a_next_frame(tmp_path):
    wod_tree(tmp_path)
    images = read(tmp_path, CAMERAS_AT_ONCE)
    assert [image.name for image in images] == [f"s1_{time}" for time in TIMES]
    loaded = images[0].load()
    assert len(loaded.others) == 4
    for one in (loaded, *loaded.others):
        assert (one.depth, one.next) == (None, None)


def test_moments_with_an_unlabelled_camera_are_no_record_of_all(tmp_path):
    wod_tree(tmp_path, unlabelled=[(TIMES[0], 3)])
    (image,) = read(tmp_path, CAMERAS_AT_ONCE)
    assert image.name == f"s1_{TIMES[1]}"
    cameras = [image.name.removeprefix("s1_") for image in read(tmp_path, DEPTH)]
    assert f"front_right_{TIMES[0]}" not in cameras
    assert len(cameras) == 4
    with pytest.raises(ValueError, match=r"labelled in all of front, .* and followed"):
        read(tmp_path, ALL)


def test_what_a_camera_lacks_is_named_with_it(tmp_path):
    wod_tree(tmp_path)
    change(tmp_path, "camera_image", with_value(".image", 6, b"text"))
    with pytest.raises(ValueError, match=r"s1_1000, camera front: not an image of a"):
        stored_example(read(tmp_path, CAMERAS_AT_ONCE)[0])


@pytest.mark.parametrize(
    "component",
    [
        *("lidar", "lidar_pose", "lidar_calibration", "lidar_camera_projection"),
        *("vehicle_pose", "camera_calibration"),
    ],
)
def test_depth_needs_all_its_components(tmp_path, component):
    wod_tree(tmp_path)
    (tmp_path / "training" / component / "s1.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=f"{component}/s1.parquet"):
        read(tmp_path, DEPTH)[0].load()
    assert read(tmp_path, CAMERAS_AT_ONCE)[0].load().depth is None


@pytest.mark.parametrize(
    ("component", "edit", "message"),
    [
        ("lidar", without(".shape"), r"no column \[LiDARComponent\].*\.shape; is it a"),
        (
            "lidar",
            with_value(".shape", 0, [4, 31, 4]),
            r"lidar/s1\.parquet, laser 1 at 1000: 512 values of shape \[4, 31, 4",
        ),
        (
            "lidar",
            with_value(".shape", 0, None),
            r"laser 1 at 1000: 512 values of shape \[\] are not a range image",
        ),
        (
            "lidar_camera_projection",
            with_value(".shape", 0, [2, 64, 6]),
            r"laser 1 at 1000: range images differ in size: .*\(2, 64\)",
        ),
        (
            "lidar",
            functools.partial(without_first, 2),
            r"lidar/s1\.parquet: no laser [12] at 1000",
        ),
        (
            "lidar_pose",
            functools.partial(without_first, 1),
            r"lidar_pose/s1\.parquet: no laser 1 at 1000",
        ),
        (
            "lidar_camera_projection",
            functools.partial(without_first, 1),
            r"lidar_camera_projection/s1\.parquet: no laser 1 at 1000",
        ),
        (
            "lidar_calibration",
            without_last,
            r"lidar_calibration/s1\.parquet: no calibration of laser 2",
        ),
        (
            "lidar_calibration",
            with_value("inclination.values", 0, [0.1]),
            r"laser 1 at 1000: 1 beam inclinations for 4 rows",
        ),
        (
            "camera_calibration",
            without_last,
            r"camera_calibration/s1\.parquet: no calibration of camera 5",
        ),
        (
            "camera_calibration",
            with_value(".transform", 0, [1.0]),
            r"extrinsic\.transform has 1 values, not 16",
        ),
        (
            "vehicle_pose",
            functools.partial(without_first, 1),
            r"vehicle_pose/s1\.parquet: no pose at 1000",
        ),
    ],
)
def test_components_that_do_not_fit(tmp_path, component, edit, message):
    wod_tree(tmp_path)
    change(tmp_path, component, edit)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, DEPTH)[0].load()


def test_a_moment_that_no_laser_measured(tmp_path):
    wod_tree(tmp_path)
    for component, scans in (
        ("lidar", 2),
        ("lidar_camera_projection", 2),
        ("lidar_pose", 1),
    ):
        change(tmp_path, component, functools.partial(without_first, scans))
    message = r"lidar/s1\.parquet: no range image at 1000, which has labels"
    with pytest.raises(ValueError, match=message):
        read(tmp_path, DEPTH)[0].load()
