from pathlib import Path

import pytest

from deeplab.datasets.options import dataset_options


def test_options_that_are_given_are_passed_on():
    given = {"images": 3, "seed": 0, "description": None}
    assert dataset_options("toy_street", given, None) == {"images": 3, "seed": 0}


def test_a_description_is_looked_for_in_the_folder():
    root = Path("raw")
    assert dataset_options("folder", {"description": None}, root) == {
        "description": root / "description.json"
    }
    given = {"description": Path("mine.json")}
    assert dataset_options("folder", given, root) == given


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("coco_panoptic", {"seed": 1}, "'coco_panoptic' has no option --seed"),
        ("coco_panoptic", {}, "coco_panoptic is read from a raw folder"),
        ("coco_panoptics", {}, "coco_panoptic"),
    ],
)
def test_what_does_not_fit_is_refused(name, given, message):
    with pytest.raises(ValueError, match=message):
        dataset_options(name, given, None)
