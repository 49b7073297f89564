import json

import pytest

from deeplab.core.dataset_info import (
    ClassInfo,
    DatasetInfo,
    described_dataset,
    distinct_color,
    load_class_table,
    read_description,
)
from deeplab.core.labels import LabelSpace


def road_and_car(**changes):
    fields = {
        "name": "tiny",
        "classes": (
            ClassInfo(0, "road", False, (1, 2, 3), 7),
            ClassInfo(1, "car", True, (4, 5, 6), 26),
        ),
        "num_classes": 2,
        "ignore_label": 255,
        "label_divisor": 1000,
    }
    return DatasetInfo(**{**fields, **changes})


def test_things_and_stuff():
    info = road_and_car()
    assert info.thing_ids == (1,)
    assert info.stuff_ids == (0,)
    assert info.label_space == LabelSpace(2, (1,), (0,), 255, 1000)
    assert info.by_id[1].evaluation_id == 26


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_classes": 1}, r"class ids \[1\] are outside 0 to 0"),
        ({"ignore_label": 1}, "also the ignore label"),
        ({"label_divisor": 1}, "below 2"),
        (
            {"classes": (ClassInfo(0, "a", False, (0, 0, 256), 0),)},
            "not RGB",
        ),
        (
            {"classes": (ClassInfo(0, "a", False, (0, 0, 0), 0),) * 2},
            r"\[0\] are listed twice",
        ),
    ],
)
def test_what_does_not_hold_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        road_and_car(**changes)


def test_described():
    info = described_dataset(
        "mine",
        {
            "classes": [
                {"id": 1, "name": "sky"},
                {"id": 2, "name": "person", "is_thing": True, "color": [9, 8, 7]},
            ],
            "ignore_label": 0,
            "label_divisor": 256,
        },
    )
    assert info.num_classes == 3
    assert info.thing_ids == (2,)
    assert info.by_id[2].color == (9, 8, 7)
    assert info.by_id[1].evaluation_id == 1


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, "lists no `classes`"),
        ({"classes": [{"name": "a"}]}, "`id` is missing"),
        ({"classes": [{"id": 0, "thing": True}]}, "unknown fields"),
        ({"classes": [{"id": 0}], "divisor": 3}, "unknown fields"),
    ],
)
def test_bad_descriptions(description, message):
    with pytest.raises(ValueError, match=message):
        described_dataset("mine", description)


def test_read_description(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"classes": [{"id": 0, "name": "road"}]}))
    assert read_description(path).name == "mine"
    path.write_text("[")
    with pytest.raises(ValueError, match=r"mine\.json:1: not JSON"):
        read_description(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="JSON object"):
        read_description(path)


def test_class_table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("id,name,is_thing,eval_id,r,g,b\n0,road,0,7,128,64,128\n")
    assert load_class_table(path) == (ClassInfo(0, "road", False, (128, 64, 128), 7),)


def test_colours_differ():
    colours = {distinct_color(i, 40) for i in range(40)}
    assert len(colours) == 40
