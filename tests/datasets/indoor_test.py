"""NYU Depth V2 and SUN RGB-D."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from deeplab.datasets import DATASETS
from tests.datasets.index_trees import quarters
from tests.datasets.indoor_trees import DEPTH, nyuv2_tree, sun_rgbd_tree

DRAW = {"nyuv2": nyuv2_tree, "sun_rgbd": sun_rgbd_tree}
LABELS = {
    "nyuv2": "nyu_depth_v2_labeled.mat",
    "sun_rgbd": "SUNRGBDtoolbox/Metadata/SUNRGBD2Dseg.mat",
}


def read(name, root, split="train"):
    return DATASETS.get(name)().read(root, split)


def test_nyuv2_by_hand(tmp_path):
    pixels, label = nyuv2_tree(tmp_path)
    images = read("nyuv2", tmp_path)
    assert [i.name for i in images] == ["0001", "0003"]
    assert [i.name for i in read("nyuv2", tmp_path, "test")] == ["0002"]
    for image, number in zip(images, (0, 2), strict=True):
        loaded = image.load()
        np.testing.assert_array_equal(loaded.label, label)
        np.testing.assert_array_equal(loaded.depth, DEPTH)
        assert (loaded.label.dtype, loaded.depth.dtype) == (np.int32, np.float32)
        with Image.open(io.BytesIO(loaded.image)) as decoded:
            np.testing.assert_array_equal(np.asarray(decoded), pixels[number])


def test_sun_rgbd_by_hand(tmp_path):
    label = sun_rgbd_tree(tmp_path)
    (image,) = read("sun_rgbd", tmp_path)
    (other,) = read("sun_rgbd", tmp_path, "test")
    assert image.name == "kv2/kinect2data/000002-resize"
    assert other.name == "kv1/NYUdata/NYU0001"
    loaded = image.load()
    np.testing.assert_array_equal(loaded.label, label)
    expected = DEPTH.copy()
    expected[7, 11] = 8  # Nine metres are cut at eight.
    np.testing.assert_allclose(loaded.depth, expected, rtol=1e-6)
    assert loaded.image == (tmp_path / f"SUNRGBD/{image.name}/image/1.jpg").read_bytes()


@pytest.mark.parametrize("name", DRAW)
def test_an_id_outside_the_table(tmp_path, name):
    ids = quarters(1, 2, 3, 0)
    ids[5, 7] = 50
    DRAW[name](tmp_path, ids=ids)
    with pytest.raises(ValueError, match=r"\(row 5, column 7\) has id 50, which is no"):
        read(name, tmp_path)[0].load()


@pytest.mark.parametrize("name", DRAW)
def test_missing_and_broken_label_files(tmp_path, name):
    DRAW[name](tmp_path)
    images = read(name, tmp_path)
    path = tmp_path / LABELS[name]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{path.name}: not a readable HDF5 file"):
        images[0].load()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=path.name):
        images[0].load()


@pytest.mark.parametrize("name", DRAW)
def test_wrong_split_and_wrong_root(tmp_path, name):
    with pytest.raises(ValueError, match="no split 'val'; known: train, test"):
        read(name, tmp_path, "val")
    with pytest.raises(FileNotFoundError, match=r"splits?\.mat: no such file"):
        read(name, tmp_path)


def test_nyuv2_files_that_do_not_fit(tmp_path):
    nyuv2_tree(tmp_path, mapped=(1, 41, 2))
    with pytest.raises(ValueError, match="name 2 has class 41, not 1-40"):
        read("nyuv2", tmp_path)
    savemat(tmp_path / "splits.mat", {"trainNdxs": [[4]]})
    with pytest.raises(ValueError, match=r"names images 4 to 4, but .* has 3"):
        read("nyuv2", tmp_path)
    with pytest.raises(ValueError, match="lacks the variables testNdxs"):
        read("nyuv2", tmp_path, "test")
    (tmp_path / "splits.mat").write_bytes(b"no Matlab file")
    with pytest.raises(ValueError, match=r"splits\.mat: not a readable Matlab file"):
        read("nyuv2", tmp_path)


def test_sun_rgbd_paths_that_climb_out_or_lie_elsewhere(tmp_path):
    sun_rgbd_tree(tmp_path / "a", scenes=("kv1/x", "../../kv2/y"))
    with pytest.raises(ValueError, match="points outside"):
        read("sun_rgbd", tmp_path / "a")
    listed = tmp_path / "a/SUNRGBDtoolbox/traintestSUNRGBD/allsplit.mat"
    savemat(listed, {"alltrain": np.array(["/home/x"], object)})
    with pytest.raises(ValueError, match="path '/home/x' is outside SUNRGBD"):
        read("sun_rgbd", tmp_path / "a")


def test_sun_rgbd_without_the_depth_of_an_image(tmp_path):
    sun_rgbd_tree(tmp_path)
    for path in (tmp_path / "SUNRGBD").rglob("depth_bfx/*.png"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"1_abs\.png"):
        read("sun_rgbd", tmp_path)[0].load()
