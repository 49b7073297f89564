"""KITTI-STEP, MOTChallenge-STEP, Cityscapes-DVPS and SemKITTI-DVPS."""

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from tests.datasets.index_trees import quarters
from tests.datasets.trees import photo
from tests.datasets.video_trees import DEPTH, dvps_tree, step_tree

DVPS = ["cityscapes_dvps", "semkitti_dvps"]
FIRST = {
    "cityscapes_dvps": "000000_000000_munster_000168_000000",
    "semkitti_dvps": "000000_000000",
}
LABEL = {
    "cityscapes_dvps": "_gtFine_instanceTrainIds.png",
    "semkitti_dvps": "_gtFine_class.png",
}


def step(root, split="train", two_frames=False, **options):
    return DATASETS.get("kitti_step")(two_frames=two_frames).read(
        root, split, **options
    )


def dvps(name, root, split="train", **options):
    return DATASETS.get(name)().read(root, split, **options)


def test_step_by_hand(tmp_path):
    labels = step_tree(tmp_path)
    images = step(tmp_path)
    assert [i.name for i in images] == ["0002_000000", "0002_000001", "0002_000003"]
    for image, (number, label) in zip(images, labels.items(), strict=True):
        loaded = image.load()
        assert loaded.label.dtype == np.int32
        np.testing.assert_array_equal(loaded.label, label)
        assert (loaded.sequence_id, loaded.frame_id) == ("0002", f"{number:06d}")
        assert loaded.previous is None


def test_step_in_two_frames(tmp_path):
    """The first frame, and one that follows a gap, precede themselves."""
    labels = step_tree(tmp_path)
    loaded = [image.load() for image in step(tmp_path, two_frames=True)]
    for frame, before in zip(loaded, (0, 0, 3), strict=True):
        np.testing.assert_array_equal(frame.previous.label, labels[before])
    folder = tmp_path / "images/train/0002"
    assert loaded[1].previous.image == (folder / "000000.png").read_bytes()


def test_step_crowd_as_ignore(tmp_path):
    labels = step_tree(tmp_path)
    found = step(tmp_path, crowd_as_ignore=True)[0].load().label
    expected = np.where(labels[0] == 11_000, 255_000, labels[0])
    np.testing.assert_array_equal(found, expected)


def test_motchallenge_keeps_its_folder_of_images(tmp_path):
    step_tree(tmp_path, "train", "0009", "img1")
    path = tmp_path / "panoptic_maps/train/0009/000000.png"
    Image.fromarray(np.full((8, 12, 3), (4, 0, 7), np.uint8)).save(path)
    dataset = DATASETS.get("motchallenge_step")()
    images = dataset.read(tmp_path, "train")
    assert len(images) == 3
    np.testing.assert_array_equal(images[0].load().label, 4_007)
    step_tree(tmp_path, "test", "0001", "img1")
    assert dataset.read(tmp_path, "test")[0].load().label is None


def test_step_test_images_have_no_labels(tmp_path):
    step_tree(tmp_path, "test")
    loaded = step(tmp_path, "test", two_frames=True)[1].load()
    assert (loaded.label, loaded.previous.label) == (None, None)


def test_step_maps_that_are_missing_broken_or_foreign(tmp_path):
    step_tree(tmp_path)
    image = step(tmp_path)[0]
    path = tmp_path / "panoptic_maps/train/0002/000000.png"
    for values, message in (
        ((19, 0, 0), r"pixel \(row 0, column 0\) has class 19, which is not in data"),
        ((13, 3, 232), "instance id 1000; .* at most 999"),
    ):
        Image.fromarray(np.full((8, 12, 3), values, np.uint8)).save(path)
        with pytest.raises(ValueError, match=rf"000000\.png: {message}"):
            image.load()
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(path)
    with pytest.raises(ValueError, match="a panoptic map must be an RGB PNG, not L"):
        image.load()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"000000\.png: not a readable image"):
        image.load()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"000000\.png"):
        image.load()


def test_step_wrong_split_root_and_frame_name(tmp_path):
    with pytest.raises(ValueError, match="no split 'dev'; known: train, val, test"):
        step(tmp_path, "dev")
    with pytest.raises(ValueError, match="is the root correct"):
        step(tmp_path)
    photo(tmp_path / "images/train/0002/first.png")
    with pytest.raises(
        ValueError, match=r"first\.png: the name of a frame has to be a num"
    ):
        step(tmp_path)


@pytest.mark.parametrize("name", DVPS)
def test_dvps_by_hand(tmp_path, name):
    first, second = dvps_tree(tmp_path, name)
    (image,) = dvps(name, tmp_path)
    assert image.name == FIRST[name]
    loaded = image.load()
    assert (loaded.label.dtype, loaded.depth.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(loaded.label, first)
    np.testing.assert_array_equal(loaded.next.label, second)
    np.testing.assert_array_equal(loaded.depth, DEPTH)
    assert (loaded.sequence_id, loaded.frame_id) == ("000000", "000000")
    assert loaded.image != loaded.next.image


@pytest.mark.parametrize(
    ("name", "crowd"), [*zip(DVPS, (11_000, 5 * 65536), strict=True)]
)
def test_dvps_crowd_as_ignore(tmp_path, name, crowd):
    label, _ = dvps_tree(tmp_path, name)
    void = label[7, 11]
    found = dvps(name, tmp_path, crowd_as_ignore=True)[0].load().label
    np.testing.assert_array_equal(found, np.where(label == crowd, void, label))


@pytest.mark.parametrize("name", DVPS)
def test_dvps_test_images_have_neither_labels_nor_depth(tmp_path, name):
    dvps_tree(tmp_path, name, "test")
    loaded = dvps(name, tmp_path, "test")[0].load()
    assert (loaded.label, loaded.depth, loaded.next.label) == (None, None, None)


@pytest.mark.parametrize("name", DVPS)
def test_dvps_labels_that_are_missing_broken_or_foreign(tmp_path, name):
    dvps_tree(tmp_path, name)
    (image,) = dvps(name, tmp_path)
    path = tmp_path / "train" / (FIRST[name] + LABEL[name])
    unknown = 40_000 if name == "cityscapes_dvps" else 40
    Image.fromarray(quarters(0, 0, unknown, 0, np.uint16)).save(path)
    message = r"pixel \(row 4, column 0\) has class 40, which is not in data set"
    with pytest.raises(ValueError, match=message):
        image.load()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=rf"{path.name}: not a readable image"):
        image.load()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=path.name):
        image.load()


@pytest.mark.parametrize("name", DVPS)
def test_dvps_without_depth(tmp_path, name):
    dvps_tree(tmp_path, name)
    for path in (tmp_path / "train").glob("*_depth*.png"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{FIRST[name]}_depth"):
        dvps(name, tmp_path)[0].load()


@pytest.mark.parametrize("name", DVPS)
def test_dvps_wrong_split_root_and_names(tmp_path, name):
    with pytest.raises(ValueError, match="no split 'dev'; known: train, val, test"):
        dvps(name, tmp_path, "dev")
    with pytest.raises(ValueError, match="is the root correct"):
        dvps(name, tmp_path)
    photo(tmp_path / "train/000003_000000_leftImg8bit.png")
    with pytest.raises(ValueError, match="no two consecutive frames"):
        dvps(name, tmp_path)
    photo(tmp_path / "train/a_leftImg8bit.png")
    with pytest.raises(ValueError, match="a frame has to be named <sequence>_<frame>"):
        dvps(name, tmp_path)


def test_semkitti_maps_of_two_sizes(tmp_path):
    dvps_tree(tmp_path, "semkitti_dvps")
    path = tmp_path / "train/000000_000000_gtFine_instance.png"
    Image.fromarray(np.zeros((8, 11), np.uint16)).save(path)
    with pytest.raises(ValueError, match=r"classes are \(8, 12\), instances \(8, 11\)"):
        dvps("semkitti_dvps", tmp_path)[0].load()
