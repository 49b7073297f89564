"""COCO's tools read what is written; scores come back; what is broken is named."""

import json

import numpy as np
import pytest
from pycocotools import mask
from pycocotools.coco import COCO

from deeplab.datasets import DATASETS
from deeplab.predictions.base import LabelMap
from deeplab.predictions.coco_instances import CocoInstancesFormat

INFO = DATASETS.get("coco_panoptic")().info
PERSON = INFO.thing_ids[0]
VOID = INFO.ignore_label * INFO.label_divisor
ONE, TWO = (PERSON * INFO.label_divisor + i for i in (1, 2))
LABELS = np.array([[ONE, ONE, VOID], [TWO, VOID, VOID]], np.int32)
RESULT = '[{"image_id": 1, "category_id": 1, "segmentation": {}, "score": %s}]'
SCORES = np.where(LABELS == ONE, 0.9, 0.3).astype(np.float32)


def write(path, **maps):
    sink = CocoInstancesFormat().writer(path, INFO)
    for name, label_map in maps.items():
        sink.write(name, label_map)
    sink.close()
    return json.loads(path.read_text())


def test_the_tools_of_coco_read_it(tmp_path):
    path = tmp_path / "a.json"
    write(path, **{"139": LabelMap(LABELS, SCORES)})
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 139, "height": 2, "width": 3}],
        "annotations": [],
        "categories": [{"id": 1}],
    }
    truth.createIndex()
    first, second = truth.loadRes(str(path)).anns.values()
    assert (first["category_id"], second["category_id"]) == (1, 1)
    assert (first["score"], second["score"]) == (np.float32(0.9), np.float32(0.3))
    np.testing.assert_array_equal(mask.decode(first["segmentation"]), LABELS == ONE)
    np.testing.assert_array_equal(mask.decode(second["segmentation"]), LABELS == TWO)


def test_scores_come_back(tmp_path):
    write(tmp_path / "a.json", a=LabelMap(LABELS, SCORES), b=LabelMap(LABELS))
    stored = CocoInstancesFormat().read(tmp_path / "a.json", INFO)
    with_scores, without = stored["a"].load(), stored["b"].load()
    things = LABELS != VOID
    np.testing.assert_array_equal(with_scores.scores[things], SCORES[things])
    assert (without.scores[things] == 1).all()


def test_images_without_instances_are_not_mentioned(tmp_path):
    assert write(tmp_path / "a.json", a=LabelMap(np.full_like(LABELS, VOID))) == []
    with pytest.raises(ValueError, match=r"a\.json: no instances"):
        CocoInstancesFormat().read(tmp_path / "a.json", INFO)


def test_nothing_takes_the_name_before_the_end(tmp_path):
    path = tmp_path / "a.json"
    sink = CocoInstancesFormat().writer(path, INFO)
    sink.write("a", LabelMap(LABELS))
    assert not path.exists()
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category_id": 12}, "id 12 is not a thing"),
        ({"segmentation": [[0, 0, 1, 1, 2, 2]]}, "image 7: results need run lengths"),
        ({"segmentation": {"size": [2, 3], "counts": [1]}}, "do not add up"),
        ({"segmentation": {"size": [2, 3], "counts": "zz"}}, "image 7: invalid run"),
        (
            {"segmentation": {"size": [2, 3], "counts": [0, 6]}},
            "image 7: masks overlap",
        ),
        ({"segmentation": {"size": [3, 2], "counts": [6]}}, "image is 2 x 3"),
    ],
)
def test_what_does_not_fit_is_named(change, message, tmp_path):
    path = tmp_path / "a.json"
    first, second = write(path, **{"7": LabelMap(LABELS)})
    changed = [first, second | change]
    if "results" in message:
        changed.reverse()
    path.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match=message):
        CocoInstancesFormat().read(path, INFO)["7"].load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", r"a\.json:1: not JSON"),
        ("{}", "results have to be a list, not dict"),
        ('[{"image_id": 1, "score": 1}]', "0 has no category_id and no segmentation"),
        (RESULT % "null", "0 has score None"),
        (RESULT % "NaN", "0 has score nan"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        CocoInstancesFormat().read(tmp_path / "a.json", INFO)
