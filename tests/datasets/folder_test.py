import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from tests.datasets import trees


def read(root, split="train", **options):
    dataset = DATASETS.get("folder")(root / "description.json")
    return dataset.read(root, split, **options)


def expected(crowd):
    label = np.zeros((8, 12), np.int32)
    label[2:, 3:] = crowd
    label[0, 0] = 255_000
    return label


def test_grey_palette_and_color_labels_mean_the_same(tmp_path):
    images = read(trees.folder_tree(tmp_path))
    assert [i.name for i in images] == ["a", "b", "sub/c"]
    for image in images:
        np.testing.assert_array_equal(image.load().label, expected(crowd=1000))


def test_crowd_as_ignore(tmp_path):
    image = read(trees.folder_tree(tmp_path), crowd_as_ignore=True)[0]
    np.testing.assert_array_equal(image.load().label, expected(crowd=255_000))


def test_sixteen_bit_labels(tmp_path):
    root = trees.folder_tree(tmp_path)
    Image.fromarray(np.full((8, 12), 300, np.uint16)).save(root / "labels/a.png")
    assert (read(root)[0].load().label == 300_000).all()


def test_instances_in_color_labels(tmp_path):
    root = trees.folder_tree(tmp_path)
    ids = np.full((8, 12), 1007)
    trees.segment_png(ids, root / "labels/a.png")
    assert (read(root, crowd_as_ignore=True)[0].load().label == 1007).all()


def test_a_split_has_its_own_folder(tmp_path):
    trees.folder_tree(tmp_path)
    trees.folder_tree(tmp_path / "val")
    (tmp_path / "val/images/a.jpg").unlink()
    assert [i.name for i in read(tmp_path, "val")] == ["b", "sub/c"]


def test_without_labels(tmp_path):
    trees.photo(tmp_path / "images/x.png")
    trees.folder_tree(tmp_path / "described")
    dataset = DATASETS.get("folder")(tmp_path / "described/description.json")
    (image,) = dataset.read(tmp_path, "test")
    assert image.load().label is None


def test_a_missing_and_a_broken_label_are_named(tmp_path):
    images = read(trees.folder_tree(tmp_path))
    (tmp_path / "labels/a.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"a\.png: not a readable image"):
        images[0].load()
    (tmp_path / "labels/a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.jpg: its label .*a\.png does not"):
        images[0].load()


def test_no_images(tmp_path):
    trees.folder_tree(tmp_path / "described")
    dataset = DATASETS.get("folder")(tmp_path / "described/description.json")
    with pytest.raises(ValueError, match="neither a folder 'train' nor `images`"):
        dataset.read(tmp_path, "train")
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="has no images"):
        dataset.read(tmp_path, "train")


def test_it_needs_a_description():
    with pytest.raises(ValueError, match="needs a description of its classes"):
        _ = DATASETS.get("folder")().info
