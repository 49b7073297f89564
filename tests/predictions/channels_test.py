"""Bytes of the published layouts, and what comes back."""

import numpy as np
import pytest
from PIL import Image

from deeplab.predictions.channels import LAYOUTS, write_channels

IDS = np.array([[0, 1, 2], [3, 2, 0]], np.int32)


def test_bytes_of_the_published_layouts(tmp_path):
    instances = np.array([[0, 0, 1], [2, 255, 0]], np.int32)
    write_channels(tmp_path / "a.png", LAYOUTS["two_channel_png"], IDS, instances)
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(pixels[1, 1], [2, 255, 0])
    instances[1, 1] = 259
    write_channels(tmp_path / "b.png", LAYOUTS["three_channel_png"], IDS, instances)
    pixels = np.asarray(Image.open(tmp_path / "b.png"))
    np.testing.assert_array_equal(pixels[1, 1], [2, 1, 3])
    array_layout = LAYOUTS["two_channel_numpy_array"]
    write_channels(tmp_path / "c.npy", array_layout, IDS, instances)
    array = np.load(tmp_path / "c.npy")
    assert array.dtype == np.int32
    np.testing.assert_array_equal(array[1, 1], [2, 259, 0])


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_written_is_read(name, tmp_path):
    layout = LAYOUTS[name]
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 256, (7, 5), np.int32)
    instances = rng.integers(0, min(layout.max_instance, 10**6) + 1, (7, 5), np.int32)
    instances[0, 0] = min(layout.max_instance, 2**31 - 1)
    path = tmp_path / f"map{layout.suffix}"
    write_channels(path, layout, classes, instances)
    for a, b in zip(layout.read(path), (classes, instances), strict=True):
        assert a.dtype == np.int32
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "class_id", "instance"),
    [
        ("two_channel_png", 256, 0),
        ("two_channel_png", 0, 256),
        ("three_channel_png", 256, 0),
        ("three_channel_png", 0, 65536),
    ],
)
def test_ids_that_do_not_fit_are_refused(name, class_id, instance, tmp_path):
    ids = np.zeros((2, 2), np.int32)
    path = tmp_path / "a.png"
    with pytest.raises(ValueError, match=r"a\.png: .* (256|65536) does not fit.*numpy"):
        write_channels(path, LAYOUTS[name], ids + class_id, ids + instance)
    assert not list(tmp_path.iterdir())


def test_files_of_another_kind_are_refused(tmp_path):
    Image.new("L", (3, 2)).save(tmp_path / "grey.png")
    with pytest.raises(ValueError, match=r"grey\.png.*mode L"):
        LAYOUTS["two_channel_png"].read(tmp_path / "grey.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "grey.png").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"cut\.png: not a readable image"):
        LAYOUTS["three_channel_png"].read(tmp_path / "cut.png")
    np.save(tmp_path / "flat.npy", IDS)
    with pytest.raises(ValueError, match=r"flat\.npy.*\[2, 3\]"):
        LAYOUTS["two_channel_numpy_array"].read(tmp_path / "flat.npy")
