"""`deeplab convert` of every data set that reads a raw folder, on drawn trees."""

import numpy as np
import pytest

from deeplab.cli.main import main
from deeplab.data.encoded_depth import decode_depth
from deeplab.data.encoded_label import decode_label
from deeplab.data.shards import read_records
from deeplab.data.tfexample import read_example
from deeplab.datasets import DATASETS
from tests.datasets import panoptic_trees
from tests.datasets.coco_instances_test import coco_instances_tree
from tests.datasets.imagenet_test import imagenet_tree
from tests.datasets.index_trees import TREES, quarters
from tests.datasets.indoor_trees import DEPTH, nyuv2_tree, sun_rgbd_tree
from tests.datasets.video_trees import DEPTH as VIDEO_DEPTH
from tests.datasets.video_trees import dvps_tree, step_tree

PANOPTIC = [
    ("ade20k_panoptic", "val", panoptic_trees.ade20k_tree),
    ("mapillary_vistas", "train", panoptic_trees.mapillary_panoptic_tree),
    ("bdd100k_panoptic", "val", panoptic_trees.bdd100k_tree),
]


def convert(name, split, root, output):
    """Returns the records that the command writes, and what their labels mean."""
    arguments = ["convert", name, "--root", str(root), "--split", split]
    assert main([*arguments, "--workers", "1", "--output", str(output)]) == 0
    paths = sorted(output.glob(f"{split}-*.tfrecord"))
    records = [read_example(r) for path in paths for r in read_records(path)]
    return records, DATASETS.get(name)().info.label_space


def label_of(record, space):
    size = (record.height, record.width)
    return decode_label(record.label, record.label_format, *size, space)


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_ids_of_classes(tmp_path, tree):
    root, output = tree.draw(tmp_path / "raw"), tmp_path / "records"
    records, space = convert(tree.dataset, tree.split, root, output)
    expected = quarters(*tree.classes) * space.label_divisor
    np.testing.assert_array_equal(label_of(records[-1], space), expected)


@pytest.mark.parametrize(("name", "split", "draw"), PANOPTIC)
def test_panoptic(tmp_path, name, split, draw):
    _, expected = draw(tmp_path / "raw")
    (record,), space = convert(name, split, tmp_path / "raw", tmp_path / "records")
    np.testing.assert_array_equal(label_of(record, space), expected)


def test_coco_instances(tmp_path):
    expected = coco_instances_tree(tmp_path / "raw")
    output = tmp_path / "records"
    records, space = convert("coco_instances", "val", tmp_path / "raw", output)
    np.testing.assert_array_equal(label_of(records[0], space), expected)


@pytest.mark.parametrize("name", ["nyuv2", "sun_rgbd"])
def test_depth(tmp_path, name):
    draw = {"nyuv2": nyuv2_tree, "sun_rgbd": sun_rgbd_tree}[name]
    drawn = draw(tmp_path / "raw")
    expected = drawn[1] if name == "nyuv2" else drawn
    (record,), space = convert(name, "test", tmp_path / "raw", tmp_path / "records")
    np.testing.assert_array_equal(label_of(record, space), expected)
    depth = decode_depth(record.depth, record.depth_format, 8, 12)
    np.testing.assert_allclose(depth[:4], DEPTH[:4], atol=1 / 512)


def test_step_in_two_frames(tmp_path):
    labels = step_tree(tmp_path / "raw")
    arguments = ["convert", "kitti_step", "--root", str(tmp_path / "raw")]
    arguments += ["--workers", "1", "--two_frames", "--output", str(tmp_path)]
    assert main(arguments) == 0
    (path,) = tmp_path.glob("train-*.tfrecord")
    records = [read_example(r) for r in read_records(path)]
    assert [(r.sequence_id, r.frame_id) for r in records] == [
        ("0002", f"{number:06d}") for number in labels
    ]
    np.testing.assert_array_equal(label_of(records[1], None), labels[1])
    previous = decode_label(records[1].previous_label, "png", 8, 12)
    np.testing.assert_array_equal(previous, labels[0])


@pytest.mark.parametrize("name", ["cityscapes_dvps", "semkitti_dvps"])
def test_dvps(tmp_path, name):
    first, second = dvps_tree(tmp_path / "raw", name)
    (record,), space = convert(name, "train", tmp_path / "raw", tmp_path / "records")
    np.testing.assert_array_equal(label_of(record, space), first)
    following = decode_label(record.next_label, "png", 8, 12, space)
    np.testing.assert_array_equal(following, second)
    depth = decode_depth(record.depth, record.depth_format, 8, 12)
    np.testing.assert_array_equal(depth, VIDEO_DEPTH)


def test_imagenet(tmp_path):
    classes = imagenet_tree(tmp_path / "raw")
    output = tmp_path / "records"
    records, _ = convert("imagenet", "train", tmp_path / "raw", output)
    assert {r.filename: r.class_id for r in records} == classes
    assert all(r.label is None for r in records)
