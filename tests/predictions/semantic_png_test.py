from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from deeplab.predictions.semantic_png import (
    SemanticPng,
    image_name,
    read_semantic,
    write_semantic,
)


@pytest.mark.parametrize("largest", [255, 256, 65535])
def test_class_maps_are_written_and_read(largest, tmp_path):
    classes = np.array([[0, largest]], np.int32)
    write_semantic(tmp_path / "a.png", classes)
    np.testing.assert_array_equal(read_semantic(tmp_path / "a.png"), classes)
    assert Image.open(tmp_path / "a.png").mode == ("L" if largest < 256 else "I;16")


def test_a_class_map_beyond_sixteen_bits_is_refused(tmp_path):
    with pytest.raises(ValueError, match="65536"):
        write_semantic(tmp_path / "a.png", np.array([[65536]]))


def test_colour_is_refused(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "rgb.png")
    with pytest.raises(ValueError, match=r"rgb\.png.*mode RGB"):
        read_semantic(tmp_path / "rgb.png")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("aachen/aachen_000000_000019_gtFine_labelIds.png", "aachen_000000_000019"),
        ("aachen_000000_000019_leftImg8bit.png", "aachen_000000_000019"),
        ("aachen/aachen_000000_000019.png", "aachen_000000_000019"),
        ("aachen/aachen_000000_000019", "aachen_000000_000019"),
        ("city/frame_1.png", "city/frame_1"),
    ],
)
def test_names_of_cityscapes_agree(path, name):
    assert image_name(Path(path)) == name


def test_cityscapes_ground_truth_is_found_among_its_other_files(tmp_path):
    info = DATASETS.get("cityscapes_panoptic")().info
    stem = "aachen/aachen_000000_000019_gtFine_"
    write_semantic(tmp_path / f"{stem}labelIds.png", np.array([[7, 26, 3]]))
    write_semantic(tmp_path / f"{stem}instanceIds.png", np.array([[7, 26001, 3]]))
    with pytest.raises(ValueError, match=r"labelIds\.png: ids \[3\] are no"):
        SemanticPng().read(tmp_path, info)["aachen_000000_000019"].load()
    write_semantic(tmp_path / f"{stem}labelIds.png", np.array([[7, 26, 0]]))
    (name,) = found = SemanticPng().read(tmp_path, info)
    np.testing.assert_array_equal(found[name].load().panoptic, [[0, 13000, 255000]])
    write_semantic(tmp_path / "aachen_000000_000019_gtFine_labelIds.png", np.eye(2))
    with pytest.raises(ValueError, match="a second file of"):
        SemanticPng().read(tmp_path, info)
