"""ADE20K panoptic, Mapillary Vistas, BDD100K panoptic: labels worked out by hand."""

import json

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from tests.datasets import panoptic_trees as trees
from tests.datasets.trees import photo, segment_png

TREES = {
    "ade20k_panoptic": (trees.ade20k_tree, "val"),
    "mapillary_panoptic": (trees.mapillary_panoptic_tree, "train"),
    "mapillary_instances": (trees.mapillary_instances_tree, "train"),
    "bdd100k_panoptic": (trees.bdd100k_tree, "val"),
}


def read(name, root, **options):
    split = TREES[name][1]
    dataset = "mapillary_vistas" if name.startswith("mapillary") else name
    (image,) = DATASETS.get(dataset)().read(root, split, **options)
    return image


def draw(name, root):
    """Draws the tree; returns the path of its label and the label by hand."""
    return TREES[name][0](root)


@pytest.mark.parametrize("name", TREES)
def test_label_worked_out_by_hand(tmp_path, name):
    _, expected = draw(name, tmp_path)
    loaded = read(name, tmp_path).load()
    assert loaded.label.dtype == np.int32
    np.testing.assert_array_equal(loaded.label, expected)


@pytest.mark.parametrize("name", ["mapillary_panoptic", "bdd100k_panoptic"])
def test_crowd_as_ignore(tmp_path, name):
    _, expected = draw(name, tmp_path)
    crowd, void = {
        "mapillary_panoptic": (55_000, 255_000),
        "bdd100k_panoptic": (31_000, 0),
    }[name]
    assert (expected == crowd).any()
    label = read(name, tmp_path, crowd_as_ignore=True).load().label
    np.testing.assert_array_equal(label, np.where(expected == crowd, void, expected))


@pytest.mark.parametrize("name", TREES)
def test_a_missing_label_is_named(tmp_path, name):
    path, _ = draw(name, tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=path.name):
        read(name, tmp_path).load()


@pytest.mark.parametrize("name", TREES)
def test_a_broken_label_is_named(tmp_path, name):
    path, _ = draw(name, tmp_path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=rf"{path.name}: not a readable image"):
        read(name, tmp_path).load()


@pytest.mark.parametrize("name", TREES)
def test_wrong_split_and_wrong_root(tmp_path, name):
    dataset = "mapillary_vistas" if name.startswith("mapillary") else name
    with pytest.raises(ValueError, match="no split 'dev'; known: train, val"):
        DATASETS.get(dataset)().read(tmp_path, "dev")
    with pytest.raises(ValueError, match="is the root correct"):
        DATASETS.get(dataset)().read(tmp_path, "val")


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("ade20k_panoptic", "ade20k_panoptic_val.json"),
        ("mapillary_panoptic", "training/v1.2/panoptic/panoptic_2018.json"),
    ],
)
def test_what_the_json_says_wrongly(tmp_path, name, listed):
    draw(name, tmp_path)
    path = tmp_path / listed
    content = json.loads(path.read_text())
    (annotation,) = content["annotations"]
    annotation["segments_info"][0]["category_id"] = 999
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="has category 999, which is not in data set"):
        read(name, tmp_path).load()
    annotation["file_name"] = f"../../{annotation['file_name']}"
    # The image is still found by the name of the file.
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="points outside"):
        read(name, tmp_path).load()
    content["annotations"] = []
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="has no annotation of this image"):
        read(name, tmp_path)


def test_ade20k_void_segments_and_hidden_segments(tmp_path):
    """Category 255 is void; a segment without pixels still takes a number."""
    path, _ = trees.ade20k_tree(tmp_path)
    ids = np.full((8, 12), 5)
    ids[:4] = 6
    segment_png(ids, path)
    listed = tmp_path / "ade20k_panoptic_val.json"
    content = json.loads(listed.read_text())
    content["annotations"][0]["segments_info"] = [
        {"id": 6, "category_id": 255, "iscrowd": 0, "area": 48},
        {"id": 9, "category_id": 12, "iscrowd": 0, "area": 3},
        {"id": 5, "category_id": 12, "iscrowd": 0, "area": 48},
    ]
    listed.write_text(json.dumps(content))
    label = read("ade20k_panoptic", tmp_path).load().label
    np.testing.assert_array_equal(label[:4], 0)
    np.testing.assert_array_equal(label[4:], 13_002)


@pytest.mark.parametrize("name", ["mapillary_instances", "bdd100k_panoptic"])
def test_an_id_outside_the_table(tmp_path, name):
    path, _ = draw(name, tmp_path)
    if name == "bdd100k_panoptic":
        pixels = np.zeros((8, 12, 4), np.uint8)
        pixels[..., 0] = 41
        message = "has category 41, which is not in data set"
    else:
        pixels = np.full((8, 12), 66 * 256, np.uint16)
        message = "has category 66, which is not in data set"
    Image.fromarray(pixels).save(path)
    with pytest.raises(ValueError, match=message):
        read(name, tmp_path).load()


def test_a_bitmask_without_alpha(tmp_path):
    path, _ = trees.bdd100k_tree(tmp_path)
    photo(path)
    with pytest.raises(ValueError, match="a bitmask must be an RGBA PNG, not RGB"):
        read("bdd100k_panoptic", tmp_path).load()


def test_mapillary_test_images_and_the_layout_of_release_1_2(tmp_path):
    photo(tmp_path / "testing/images/a.jpg")
    (image,) = DATASETS.get("mapillary_vistas")().read(tmp_path, "test")
    assert image.load().label is None
    _, expected = trees.mapillary_instances_tree(tmp_path)
    (tmp_path / "training/v1.2/instances").rename(tmp_path / "training/instances")
    (tmp_path / "training/v1.2").rmdir()
    label = read("mapillary_instances", tmp_path).load().label
    np.testing.assert_array_equal(label, expected)
