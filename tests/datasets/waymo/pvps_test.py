"""Version 2 of the Waymo Open Dataset, drawn with the columns it has."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from tests.datasets.waymo.wod_tree import CAMERAS, GLOBAL_IDS, TIMES, label_of, wod_tree

pytest.importorskip("pyarrow", reason="the extra `waymo` is not installed")
NAME = "wod_pvps_image_panoptic_seg"


def read(root, split="train", name=NAME, **options):
    return DATASETS.get(name)().read(root, split, **options)


def test_images_of_each_camera_in_the_order_of_time(tmp_path):
    wod_tree(tmp_path)
    loaded = [(image, image.load()) for image in read(tmp_path)]
    assert [one.frame_id for _, one in loaded] == [str(t) for t in TIMES] * 5
    videos = [one.sequence_id for _, one in loaded]
    assert videos == [f"777_{name}" for name in CAMERAS.values() for _ in TIMES]
    assert len({image.name for image, _ in loaded}) == 10
    for (camera, time), (_, one) in zip(
        ((c, t) for c in CAMERAS for t in TIMES), loaded, strict=True
    ):
        pixels = np.asarray(Image.open(io.BytesIO(one.image)))
        assert pixels.shape == (8, 12, 3)
        np.testing.assert_array_equal(one.label, label_of(camera, time))


def test_an_instance_keeps_its_number_although_its_local_one_changes(tmp_path):
    wod_tree(tmp_path)
    first, second, *_ = (image.load().label for image in read(tmp_path))
    car = 2 * 100000 + GLOBAL_IDS[0]
    np.testing.assert_array_equal(first == car, second == car)
    assert (first == car).sum() == 12


def test_things_without_an_id_are_crowd_or_void(tmp_path):
    wod_tree(tmp_path)
    crowd = 2 * 100000
    label = read(tmp_path)[0].load().label
    ignored = read(tmp_path, crowd_as_ignore=True)[0].load().label
    assert (label == crowd).sum() == 12
    np.testing.assert_array_equal(ignored, np.where(label == crowd, 0, label))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cameras": [9]}, r"s1\.parquet: camera 9; known: 1 to 5"),
        ({"label": b"x"}, r"s1\.parquet: a label is not a readable PNG"),
        ({"local": [5000, 2]}, r"s1\.parquet: instance ids \[5000, 2\] exceed div"),
        ({"class_id": 40}, r"s1\.parquet: pixel \(row 0, column 0\) has class 40"),
        ({"images": []}, r"s1\.parquet: no image of camera 1 at 1000"),
    ],
)
def test_files_that_do_not_fit(tmp_path, changes, message):
    wod_tree(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        [image.load() for image in read(tmp_path)]


def test_wrong_root_split_and_file(tmp_path):
    with pytest.raises(ValueError, match="is the root correct"):
        read(tmp_path)
    with pytest.raises(ValueError, match="no split 'test'; known: train, val"):
        read(tmp_path, "test")
    wod_tree(tmp_path)
    next((tmp_path / "training/camera_segmentation").iterdir()).write_bytes(b"text")
    with pytest.raises(ValueError, match=r"s1\.parquet: not a Parquet file"):
        read(tmp_path)


def test_without_pyarrow(tmp_path, monkeypatch):
    wod_tree(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"pip install 'deeplab\[waymo\]'"):
        read(tmp_path)
