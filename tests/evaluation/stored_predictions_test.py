import numpy as np
import pytest

from deeplab.core.structures import Example, Prediction
from deeplab.evaluation.stored_predictions import evaluate, match
from deeplab.metrics.mean_iou import MeanIoU
from deeplab.predictions.base import LabelMap, StoredMap
from tests.visualization import scene

INFO = scene.info()


class Stored:
    """A map in memory; can be pickled, as workers need it."""

    def __init__(self, label):
        self.label = label

    def __call__(self):
        return LabelMap(self.label)


def stored(*maps, sequence=""):
    return {str(i): StoredMap(Stored(label), sequence) for i, label in enumerate(maps)}


def test_maps_are_paired_by_name_in_the_order_of_the_truth():
    truth = stored(scene.labels(), scene.labels())
    pairs = match(truth, dict(reversed(stored(*[scene.labels()] * 3).items())))
    assert [pair.name for pair in pairs] == ["0", "1"]
    assert all(pair.prediction is not None for pair in pairs)


def test_images_without_a_prediction_are_named_or_have_no_segments():
    truth = stored(*[scene.labels()] * 5)
    some = {"2": truth["2"], "7": truth["2"]}
    with pytest.raises(ValueError, match=r"4 of 5 images .*: 0, 1, 3 \.\.\.; .* 2, 7"):
        match(truth, some)
    pairs = match(truth, some, complete=False)
    assert [pair.name for pair in pairs if pair.prediction] == ["2"]
    assert len(pairs) == 5
    with pytest.raises(ValueError, match="5 of 5 images"):
        match(truth, {"7": truth["2"]}, complete=False)


def test_results_are_those_of_the_metric_whatever_the_workers():
    truth = [scene.labels()] * 40
    moved = [np.roll(label, i % 7, axis=1) for i, label in enumerate(truth)]
    metric = MeanIoU(INFO)
    for a, b in zip(truth, moved, strict=True):
        example = Example(None, semantic_raw=a // INFO.label_divisor)
        metric.update(example, Prediction(semantic_pred=b // INFO.label_divisor))
    pairs = match(stored(*truth), stored(*moved))
    done = []
    found = evaluate(pairs, INFO, ["mean_iou"], advance=done.append)
    assert done == [16, 16, 8]
    expected = {f"mean_iou/{key}": value for key, value in metric.result().items()}
    assert found == pytest.approx(expected, rel=1e-12)
    assert evaluate(pairs, INFO, ["mean_iou"], workers=2) == found


def test_a_sequence_stays_in_one_piece():
    frames = stored(*[scene.labels()] * 20, sequence="a")
    done = []
    evaluate(match(frames, frames), INFO, ["mean_iou"], advance=done.append)
    assert done == [20]


def test_no_prediction_counts_as_void():
    truth = stored(scene.labels(), scene.labels())
    pairs = match(truth, {"0": truth["0"]}, complete=False)
    found = evaluate(pairs, INFO, ["mean_iou"])
    assert found["mean_iou/miou"] == pytest.approx(50)


def test_an_unknown_metric_is_refused():
    truth = stored(scene.labels())
    with pytest.raises(ValueError, match="mean_iou"):
        evaluate(match(truth, truth), INFO, ["mean_iuo"])
