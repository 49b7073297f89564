"""Class tables: their size, and rows known from the publications."""

import csv
from pathlib import Path

import pytest

from deeplab.datasets import DATASETS

# Data set -> number of classes, of things, channels, and some of the classes as
# (id, name, evaluation id, colour).
KNOWN = {
    "ade20k_semantic": (
        (150, 0, 150),
        [
            (0, "wall", 1, (120, 120, 120)),
            (12, "person", 13, (150, 5, 61)),
            (149, "flag", 150, (92, 0, 255)),
        ],
    ),
    "bdd100k": (
        (19, 0, 19),
        [(0, "road", 0, (128, 64, 128)), (13, "car", 13, (0, 0, 142))],
    ),
    "bdd100k_panoptic": (
        (40, 10, 41),
        [
            (7, "road", 7, (128, 64, 128)),
            (31, "person", 31, (220, 20, 60)),
            (40, "truck", 40, (0, 0, 70)),
        ],
    ),
    "camvid": (
        (11, 0, 11),
        [(0, "Sky", 0, (128, 128, 128)), (10, "Bicyclist", 10, (0, 128, 192))],
    ),
    "camvid_32": (
        (31, 0, 31),
        [(0, "Animal", 0, (64, 128, 64)), (30, "Wall", 30, (64, 192, 0))],
    ),
    "coco_instances": (
        (81, 80, 81),
        [(1, "person", 1, (220, 20, 60)), (80, "toothbrush", 90, (191, 162, 208))],
    ),
    "mapillary_vistas": (
        (65, 37, 65),
        [
            (0, "Bird", 1, (165, 42, 42)),
            (13, "Road", 14, (128, 64, 128)),
            (55, "Car", 56, (0, 0, 142)),
            (64, "Ego Vehicle", 65, (120, 10, 10)),
        ],
    ),
    "nyuv2": (
        (40, 0, 40),
        [(0, "wall", 1, (128, 0, 0)), (39, "other prop", 40, (64, 0, 64))],
    ),
    "pascal_context": (
        (59, 0, 59),
        [(0, "aeroplane", 1, (180, 120, 120)), (58, "wood", 59, (31, 0, 255))],
    ),
    "pascal_voc": (
        (21, 0, 21),
        [
            (0, "background", 0, (0, 0, 0)),
            (15, "person", 15, (192, 128, 128)),
            (20, "tvmonitor", 20, (0, 64, 128)),
        ],
    ),
    "sun_rgbd": (
        (37, 0, 37),
        [(0, "wall", 1, (128, 0, 0)), (36, "bag", 37, (128, 0, 192))],
    ),
}
STUFF = [
    (0, "person", 1),
    (11, "stop sign", 13),
    (79, "toothbrush", 90),
    (80, "banner", 92),
    (170, "wood", 182),
]


@pytest.mark.parametrize("name", KNOWN)
def test_table(name):
    info = DATASETS.get(name)().info
    (classes, things, channels), rows = KNOWN[name]
    assert info.name == name
    assert (len(info.classes), len(info.thing_ids)) == (classes, things)
    assert info.num_classes == channels
    assert len({c.name for c in info.classes}) == classes
    assert len({c.evaluation_id for c in info.classes}) == classes
    for class_id, known, evaluation_id, color in rows:
        row = info.by_id[class_id]
        assert (row.name, row.evaluation_id, row.color) == (known, evaluation_id, color)


@pytest.mark.parametrize("name", ["coco_stuff_10k", "coco_stuff_164k"])
def test_coco_stuff(name):
    info = DATASETS.get(name)().info
    assert (len(info.classes), info.num_classes, info.thing_ids) == (171, 171, ())
    for class_id, known, evaluation_id in STUFF:
        row = info.by_id[class_id]
        assert (row.name, row.evaluation_id) == (known, evaluation_id)
    # street sign, hat, shoe, eye glasses, plate, mirror, window, desk, door,
    # blender and hair brush are in the list of names, and nowhere else.
    unused = set(range(1, 183)) - {c.evaluation_id for c in info.classes}
    assert unused == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}


def test_bdd100k_has_the_classes_of_cityscapes():
    cityscapes = DATASETS.get("cityscapes_panoptic")().info.classes
    own = DATASETS.get("bdd100k")().info.classes
    assert [(c.id, c.name) for c in own] == [(c.id, c.name) for c in cityscapes]


def test_every_table_is_used():
    folder = Path("deeplab/datasets/tables")
    used = {"coco_stuff", "wod_pvps", "cityscapes", "imagenet"}
    used |= set(DATASETS.names())
    assert {p.stem for p in folder.glob("*.csv")} <= used
    for path in folder.glob("*.csv"):
        with path.open(newline="") as f:
            assert csv.DictReader(f).fieldnames[:4] == [
                *("id", "name", "is_thing", "eval_id")
            ]
