import json
from pathlib import Path

import pytest

from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, path_inside, table_info

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text())


@pytest.mark.parametrize("name", PUBLISHED)
def test_descriptions_are_the_published_ones(name):
    info = DATASETS.get(name)().info
    expected = PUBLISHED[name]
    assert info.name == name == (expected["dataset_name"] or name)
    assert dict(info.splits) == expected["splits_to_sizes"]
    assert info.num_classes == expected["num_classes"]
    assert info.ignore_label == expected["ignore_label"]
    assert info.label_divisor == expected["panoptic_label_divisor"]
    assert list(info.thing_ids) == expected["class_has_instances_list"]
    assert info.is_video == expected["is_video_dataset"]
    assert info.is_depth == expected["is_depth_dataset"]
    assert info.ignore_depth == expected["ignore_depth"]
    assert list(info.camera_names) == (expected["camera_names"] or [])


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_class_but_the_ignored_has_a_name_and_a_color(name):
    info = DATASETS.get(name)().info
    ids = [c.id for c in info.classes]
    assert ids == [i for i in range(info.num_classes) if i != info.ignore_label]
    assert len({c.name for c in info.classes}) == len(ids)


def test_cityscapes_evaluation_ids_and_colors():
    classes = DATASETS.get("cityscapes_panoptic")().info.by_id
    evaluation_ids = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28]
    evaluation_ids += [31, 32, 33]
    assert [c.evaluation_id for c in classes.values()] == evaluation_ids
    assert classes[13].name == "car"
    assert classes[13].color == (0, 0, 142)
    assert classes[0].color == (128, 64, 128)


def test_coco_evaluation_ids_skip_what_coco_left_out():
    classes = DATASETS.get("coco_panoptic")().info.by_id
    assert classes[1].evaluation_id == 1
    assert classes[12].evaluation_id == 13  # COCO has no category 12.
    assert (classes[80].name, classes[80].evaluation_id) == ("toothbrush", 90)
    assert (classes[133].name, classes[133].evaluation_id) == ("rug-merged", 200)


def test_ade20k_evaluation_ids_start_at_zero():
    classes = DATASETS.get("ade20k_panoptic")().info.by_id
    assert [classes[i].evaluation_id for i in (1, 150)] == [0, 149]


def test_a_data_set_without_a_reader_says_so():
    info = DATASETS.get("toy_street")().info
    with pytest.raises(
        ValueError, match="'toy_street' has a description, but no reader"
    ):
        Dataset(info).read(Path("x"), "train")


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean cityscapes_panoptic"):
        DATASETS.get("cityscapes_panoptics")


def test_paths_stay_inside(tmp_path):
    named_by = tmp_path / "list.json"
    assert path_inside(tmp_path, "a/b.png", named_by) == tmp_path / "a/b.png"
    for escape in ("../b.png", "a/../../b.png", "/etc/passwd"):
        with pytest.raises(
            ValueError, match=r"list\.json: file name .* points outside"
        ):
            path_inside(tmp_path, escape, named_by)


def test_an_ignore_label_below_the_last_class_keeps_its_channel():
    info = table_info("x", table="toy_street", ignore_label=255, label_divisor=10)
    assert info.num_classes == 8
