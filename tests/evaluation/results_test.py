import json

import numpy as np
from PIL import Image

from deeplab.evaluation.results import of_classes, summary, write_results
from tests.visualization import scene

INFO = scene.info()
FIRST, SECOND = (c.name for c in INFO.classes[:2])
RESULTS = {
    "panoptic_quality/all/pq": 60.0,
    f"panoptic_quality/sq/{FIRST}": 75.0,
    f"panoptic_quality/pq/{SECOND}": 50.0,
    f"panoptic_quality/pq/{FIRST}": 100.0,
    "mean_iou/miou": 40.0,
}


def test_results_of_classes_are_told_from_others():
    assert summary(RESULTS, INFO) == {
        "panoptic_quality/all/pq": 60.0,
        "mean_iou/miou": 40.0,
    }
    columns = of_classes(RESULTS, INFO)
    assert list(columns) == ["panoptic_quality/pq", "panoptic_quality/sq"]
    assert columns["panoptic_quality/pq"] == {FIRST: 100.0, SECOND: 50.0}
    assert columns["panoptic_quality/sq"] == {FIRST: 75.0}


def test_results_and_their_bars_are_written(tmp_path):
    write_results(tmp_path / "new", RESULTS, INFO)
    written = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert written == ["panoptic_quality_pq.png", "results.json"]
    assert json.loads((tmp_path / "new/results.json").read_text()) == RESULTS
    picture = np.asarray(Image.open(tmp_path / "new/panoptic_quality_pq.png"))
    lengths = [
        (picture == np.array(c.color)).all(axis=-1).sum(axis=1).max()
        for c in INFO.classes[:2]
    ]
    # A full bar has 420 columns; drawing includes its last one.
    assert np.abs(np.array(lengths) - [421, 211]).max() <= 1
