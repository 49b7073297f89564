import json

import numpy as np
import pytest
from PIL import Image

from deeplab.core.structures import Prediction
from deeplab.datasets.panoptic_png import read_segment_ids
from deeplab.visualization.overview_writer import OverviewWriter
from tests.visualization import scene

INFO = scene.info()


def written(folder, prediction):
    writer = OverviewWriter(folder, INFO)
    writer.write("below/a", "photo.jpg", scene.image(), prediction)
    writer.close()
    return folder / "below"


def test_labels_and_segments_agree(tmp_path):
    label = scene.labels()
    scores = np.where(label == 2001, 0.75, 0.5).astype(np.float32)
    prediction = Prediction(panoptic_pred=label, instance_scores=scores)
    folder = written(tmp_path, prediction)
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.json",
        "a_overlay.png",
        "a_panoptic.png",
    ]
    np.testing.assert_array_equal(read_segment_ids(folder / "a_panoptic.png"), label)
    assert Image.open(folder / "a_overlay.png").size == label.shape[::-1]
    found = json.loads((folder / "a.json").read_text())
    segments = {segment["id"]: segment for segment in found.pop("segments")}
    assert found == {
        "image": "photo.jpg",
        "height": label.shape[0],
        "width": label.shape[1],
        "label_divisor": INFO.label_divisor,
    }
    assert segments[2001] == {
        "id": 2001, "class_id": 2, "class": "car", "is_thing": True,
        "area": 480, "score": 0.75, "bbox": [4, 10, 20, 24],
    }  # fmt: skip
    assert segments[0]["score"] is None


def test_classes_alone_have_no_instances(tmp_path):
    classes = scene.labels() // INFO.label_divisor
    folder = written(tmp_path, Prediction(semantic_pred=classes))
    stored = read_segment_ids(folder / "a_panoptic.png")
    np.testing.assert_array_equal(stored, classes * INFO.label_divisor)


def test_a_prediction_without_classes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="neither panoptic_pred nor semantic_pred"):
        written(tmp_path, Prediction(depth_pred=np.zeros((48, 96, 1))))
    assert not list(tmp_path.iterdir())
