import numpy as np
import pytest

from deeplab.datasets import DATASETS
from tests.datasets.index_trees import TREES, palette, quarters

LISTED = [t for t in TREES if t.lists and t.dataset != "camvid"]


def read(tree, root, **options):
    """Returns the image that the tree is about."""
    images = DATASETS.get(tree.dataset)().read(root, tree.split, **options)
    assert len(images) == 1 + len(tree.before)
    return images[-1]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_label_worked_out_by_hand(tmp_path, tree):
    image = read(tree, tree.draw(tmp_path))
    loaded = image.load()
    divisor = DATASETS.get(tree.dataset)().info.label_divisor
    assert loaded.label.dtype == np.int32
    np.testing.assert_array_equal(loaded.label, quarters(*tree.classes) * divisor)
    assert loaded.image == (tmp_path / tree.image).read_bytes()
    assert tree.image.endswith((f"/{image.name}.jpg", f"/{image.name}.png"))


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_crowds_do_not_exist(tmp_path, tree):
    image = read(tree, tree.draw(tmp_path), crowd_as_ignore=True)
    other = read(tree, tmp_path)
    np.testing.assert_array_equal(image.load().label, other.load().label)


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_missing_label_is_named(tmp_path, tree):
    (tree.draw(tmp_path) / tree.label).unlink()
    with pytest.raises(FileNotFoundError, match=tree.label.rsplit("/")[-1]):
        read(tree, tmp_path).load()


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_broken_label_is_named(tmp_path, tree):
    path = tree.draw(tmp_path) / tree.label
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=rf"{path.name}: not a readable"):
        read(tree, tmp_path).load()


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_an_id_outside_the_table_is_named(tmp_path, tree):
    ids = quarters(*tree.stored)
    ids[5, 7] = tree.unknown
    tree.write(tree.draw(tmp_path) / tree.label, ids)
    message = rf"pixel \(row 5, column 7\) has id {tree.unknown}, which is not in data"
    with pytest.raises(ValueError, match=message):
        read(tree, tmp_path).load()


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_wrong_split_and_wrong_root(tmp_path, tree):
    tree.draw(tmp_path)
    dataset = DATASETS.get(tree.dataset)()
    with pytest.raises(ValueError, match=rf"no split 'dev'; known: .*{tree.split}"):
        dataset.read(tmp_path, "dev")
    with pytest.raises((ValueError, FileNotFoundError), match="nowhere"):
        dataset.read(tmp_path / "nowhere", tree.split)


@pytest.mark.parametrize("tree", LISTED, ids=str)
def test_a_list_that_climbs_out_of_the_root(tmp_path, tree):
    path, content = tree.lists[-2 if tree.split == "train_aug" else -1]
    tree.draw(tmp_path)
    (tmp_path / path).write_text(f"../../{content}")
    with pytest.raises(ValueError, match="points outside"):
        read(tree, tmp_path)


@pytest.mark.parametrize("tree", [t for t in TREES if t.lists], ids=str)
def test_an_image_that_is_listed_but_missing(tmp_path, tree):
    (tree.draw(tmp_path) / tree.image).unlink()
    message = r"lists it|no \*\.png"
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        read(tree, tmp_path)


def tree_of(name, split):
    (tree,) = [t for t in TREES if str(t) == f"{name}-{split}"]
    return tree


def test_the_augmented_set_prefers_masks_of_voc_and_leaves_its_val_out(tmp_path):
    tree_of("pascal_voc", "train_aug").draw(tmp_path)
    base = tmp_path / "VOCdevkit/VOC2012"
    (base / "ImageSets/Segmentation/train.txt").write_text("2008_000008\n")
    palette(base / "SegmentationClass/2008_000008.png", quarters(1, 2, 3, 255))
    (image,) = DATASETS.get("pascal_voc")().read(tmp_path, "train_aug")
    np.testing.assert_array_equal(image.load().label, quarters(1, 2, 3, 255) * 1000)


def test_the_augmented_set_as_a_folder_of_pngs(tmp_path):
    tree_of("pascal_voc", "train_aug").draw(tmp_path)
    base = tmp_path / "VOCdevkit/VOC2012"
    (base / "ImageSets/Segmentation/trainaug.txt").write_text("2008_000008\n")
    palette(base / "SegmentationClassAug/2008_000008.png", quarters(4, 5, 6, 255))
    (image,) = DATASETS.get("pascal_voc")().read(tmp_path, "train_aug")
    np.testing.assert_array_equal(image.load().label, quarters(4, 5, 6, 255) * 1000)


def test_a_colour_image_instead_of_a_palette(tmp_path):
    tree = tree_of("pascal_voc", "val")
    tree.draw(tmp_path)
    (tmp_path / tree.label).write_bytes((tmp_path / tree.image).read_bytes())
    with pytest.raises(ValueError, match="not a grey or palette PNG, but RGB"):
        read(tree, tmp_path).load()


@pytest.mark.parametrize(
    ("name", "folder", "ending"),
    [
        ("pascal_voc", "VOCdevkit/VOC2012/ImageSets/Segmentation", ".txt"),
        ("bdd100k", "images/10k", ""),
    ],
)
def test_test_images_have_no_labels(tmp_path, name, folder, ending):
    tree_of(name, "val").draw(tmp_path)
    base = tmp_path / folder
    (base / f"val{ending}").rename(base / f"test{ending}")
    (image,) = DATASETS.get(name)().read(tmp_path, "test")
    assert image.load().label is None
