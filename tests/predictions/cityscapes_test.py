"""The three formats of Cityscapes: names, ids, masks, ground truth."""

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap
from deeplab.predictions.semantic_png import write_semantic

INFO = DATASETS.get("cityscapes_panoptic")().info
TOY = DATASETS.get("toy_street")().info
NAME = "aachen_000000_000019"
# Road, two persons (class 11, label id 24), void.
LABELS = np.array([[0, 11001, 11001], [11002, 255000, 255000]], np.int32)
SCORES = np.array([[1, 0.75, 0.75], [0.1, 0, 0]], np.float32)


def write(layout, path, name=NAME):
    sink = FORMATS.get(layout)().writer(path, INFO)
    sink.write(name, LabelMap(LABELS, SCORES))
    sink.close()


@pytest.mark.parametrize("layout", ["pixel", "instances", "panoptic"])
def test_files_are_called_as_the_server_looks_for_them(layout, tmp_path):
    path = tmp_path / ("a.json" if layout == "panoptic" else "a")
    write(f"cityscapes_{layout}", path, name=f"test/aachen/{NAME}_leftImg8bit")
    ending = "txt" if layout == "instances" else "png"
    assert (tmp_path / "a" / f"{NAME}.{ending}").exists()
    assert list(FORMATS.get(f"cityscapes_{layout}")().read(path, INFO)) == [NAME]


def test_a_list_names_masks_ids_and_scores(tmp_path):
    write("cityscapes_instances", tmp_path)
    lines = (tmp_path / f"{NAME}.txt").read_text().splitlines()
    masks = [f"masks/{NAME}_000{i}.png" for i in range(2)]
    assert lines[0] == f"{masks[0]} 24 0.75"
    file, label_id, score = lines[1].split(" ")
    assert (file, label_id, float(score)) == (masks[1], "24", np.float32(0.1))
    for mask, label in zip(masks, (11001, 11002), strict=True):
        image = Image.open(tmp_path / mask)
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), (label == LABELS) * 255)
    loaded = FORMATS.get("cityscapes_instances")().read(tmp_path, INFO)[NAME].load()
    things = LABELS // 1000 == 11
    np.testing.assert_array_equal(loaded.scores[things], SCORES[things])


def test_an_image_without_instances_has_an_empty_list(tmp_path):
    layout = FORMATS.get("cityscapes_instances")()
    sink = layout.writer(tmp_path, INFO)
    sink.write(NAME, LabelMap(np.zeros_like(LABELS)))
    assert (tmp_path / f"{NAME}.txt").read_text() == ""
    assert layout.read(tmp_path, INFO)[NAME].load().panoptic.shape == (0, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("masks/a.png 24", r"txt:1: a line has to be the path"),
        ("masks/a.png person 0.5", r"txt:1: a line has to be the path"),
        ("masks/a.png 24 nan", r"txt:1: not a mask, an id, a score"),
        ("masks/a b.png 24 0.5", r"txt:1: a line has to be the path"),
        ("masks/a.png 24 0.5 0.5", r"txt:1: not a mask, an id, a score"),
        ("masks/a.png 34 0.5", r"txt:1: label id 34 is not 0 to 33"),
        ("../../a.png 24 0.5", "points outside"),
        ("/etc/passwd 24 0.5", "points outside"),
        ("masks/{0}_0000.png 24 0.5\nmasks/{0}_0000.png 25 0.4", "masks overlap"),
        (
            "masks/{0}_0000.png 24 0.5\nwide.png 25 0.4",
            "masks have different sizes: 1 x 9 and 2 x 3",
        ),
    ],
)
def test_a_list_that_does_not_fit_is_named(line, message, tmp_path):
    write("cityscapes_instances", tmp_path)
    Image.new("L", (9, 1), 255).save(tmp_path / "wide.png")
    (tmp_path / f"{NAME}.txt").write_text(line.format(NAME) + "\n")
    with pytest.raises(ValueError, match=message):
        FORMATS.get("cityscapes_instances")().read(tmp_path, INFO)[NAME].load()


def test_names_with_spaces_are_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot have spaces"):
        write("cityscapes_instances", tmp_path, name="my image")


def test_instances_of_the_ground_truth(tmp_path):
    """Label id * 1000 + a number from 0, or the label id of a region."""
    ids = np.array([[7, 24, 24000, 24001], [0, 4, 29001, 26000]], np.uint16)
    path = tmp_path / "aachen" / f"{NAME}_gtFine_instanceIds.png"
    path.parent.mkdir()
    Image.fromarray(ids).save(path)
    (label,) = FORMATS.get("cityscapes_instances")().read(tmp_path, INFO).values()
    np.testing.assert_array_equal(
        label.load().panoptic,
        [[0, 11000, 11001, 11002], [255000, 255000, 255002, 13001]],
    )
    Image.fromarray(ids).save(tmp_path / f"{NAME}_gtFine_instanceIds.png")
    with pytest.raises(ValueError, match="a second file of"):
        FORMATS.get("cityscapes_instances")().read(tmp_path, INFO)


def test_classes_that_are_not_evaluated_are_void(tmp_path):
    """As in the ground truth: ego vehicle, static, trailer, license plate."""
    ids = np.array([[7, 1, 4], [30, 255, 26]])
    write_semantic(tmp_path / f"{NAME}_gtFine_labelIds.png", ids)
    layout = FORMATS.get("cityscapes_pixel")()
    label = layout.read(tmp_path, INFO)[NAME].load().panoptic
    np.testing.assert_array_equal(label, [[0, 255000, 255000], [255000, 255000, 13000]])
    write_semantic(tmp_path / f"{NAME}_gtFine_labelIds.png", ids + 8)
    with pytest.raises(ValueError, match=r"ids \[34, 38, 263\] are not evaluation ids"):
        layout.read(tmp_path, INFO)[NAME].load()


@pytest.mark.parametrize("layout", ["pixel", "instances", "panoptic"])
def test_other_ids_are_refused(layout, tmp_path):
    found = FORMATS.get(f"cityscapes_{layout}")()
    with pytest.raises(ValueError, match="label ids are 1 to 33"):
        found.writer(tmp_path / "a.json", TOY)
    write(f"cityscapes_{layout}", tmp_path / "a.json")
    with pytest.raises(ValueError, match="label ids are 1 to 33"):
        found.read(tmp_path / "a.json", TOY)
