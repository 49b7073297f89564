import numpy as np
import pytest

from deeplab.datasets import DATASETS
from tests.datasets import trees

SOURCES = ("trainId", "labelId", "instanceIds")


def read(root, split="val", **options):
    return DATASETS.get("cityscapes_panoptic")().read(root, split, **options)


@pytest.mark.parametrize("source", SOURCES)
def test_all_label_sources_give_the_label_worked_out_by_hand(tmp_path, source):
    (image,) = read(trees.cityscapes_tree(tmp_path, source))
    assert image.name == "ulm_000000_000019"
    loaded = image.load()
    assert loaded.label.dtype == np.int32
    np.testing.assert_array_equal(loaded.label, trees.cityscapes_label(11_000))


@pytest.mark.parametrize("source", SOURCES)
def test_crowd_as_ignore(tmp_path, source):
    (image,) = read(trees.cityscapes_tree(tmp_path, source), crowd_as_ignore=True)
    np.testing.assert_array_equal(image.load().label, trees.cityscapes_label(255_000))


def test_test_images_have_no_labels(tmp_path):
    path = tmp_path / "leftImg8bit/test/bonn/bonn_1_2_leftImg8bit.png"
    trees.photo(path)
    (image,) = read(tmp_path, "test")
    assert (image.name, image.load().label) == ("bonn_1_2", None)


def test_a_missing_instance_file_is_named(tmp_path):
    trees.photo(tmp_path / "leftImg8bit/val/bonn/bonn_1_2_leftImg8bit.png")
    with pytest.raises(FileNotFoundError, match="bonn_1_2_gtFine_instanceIds"):
        read(tmp_path)[0].load()


def test_a_broken_instance_file_is_named(tmp_path):
    root = trees.cityscapes_tree(tmp_path, "instanceIds")
    (path,) = root.glob("gtFine/*/*/*.png")
    path.write_bytes(b"no PNG")
    with pytest.raises(ValueError, match=r"instanceIds\.png: not a readable image"):
        read(root)[0].load()


def test_wrong_root_and_wrong_split(tmp_path):
    with pytest.raises(ValueError, match="is the root correct"):
        read(tmp_path)
    with pytest.raises(ValueError, match="no split 'train_fine'"):
        read(tmp_path, "train_fine")
