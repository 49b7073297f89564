"""Cityscapes' rules of instances by hand; see official_cityscapes_test, too."""

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.cityscapes_instance_ap import CityscapesInstanceAP

INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, f"c{i}", i > 0, (0, 0, 0), i) for i in range(3)),
    num_classes=3,
    ignore_label=255,
    label_divisor=1000,
)
VOID = 255000


def measured(truth, predicted, scores):
    """Each number is a column of 200 pixels."""
    truth, predicted, scores = (
        np.repeat(np.array([row]), 200, axis=0) for row in (truth, predicted, scores)
    )
    metric = CityscapesInstanceAP(INFO)
    metric.update(
        Example(image=None, panoptic_raw=truth),
        Prediction(
            panoptic_pred=predicted,
            instance_scores=scores.astype(np.float32),
            semantic_scores=np.ones(scores.shape, np.float32),
        ),
    )
    return metric.result()


def test_a_wrong_detection_that_is_surer_halves_the_precision():
    """A point stands for half the way in recall between its neighbours.

    (recall, precision) of (1, 1/2), (0, 0), (0, 1) give 1/2 * 1/2 + 1/2 * 0 = 1/4; in
    the right order, (1, 1/2), (1, 1), (0, 1) give 0 * 1/2 + 1/2 * 1 + 1/2 * 1 = 1.
    """
    truth, predicted = [1001, 0, 0], [1001, 0, 1002]
    assert measured(truth, predicted, [0.2, 1, 0.9])["ap50"] == pytest.approx(25)
    assert measured(truth, predicted, [0.9, 1, 0.2])["ap50"] == pytest.approx(100)


def test_an_iou_at_the_threshold_is_no_match():
    """Half of the instance is found: above no threshold."""
    assert measured([1001, 1001], [1001, 0], [1, 1])["ap50"] == 0
    two_thirds = measured([1001] * 3, [1001, 1001, 0], [1] * 3)
    assert two_thirds["ap50"] == pytest.approx(100)
    # 0.5, 0.55, 0.6 and 0.65 of ten thresholds are below.
    assert two_thirds["ap"] == pytest.approx(40)


@pytest.mark.parametrize(
    ("truth", "ap50"),
    [
        (VOID, 100),
        (1000, 100),  # A crowd of its class.
        (2000, 25),  # A crowd of another.
        (VOID + 7, 25),  # An object of a class that is not evaluated.
        (0, 25),
    ],
)
def test_what_excuses_a_detection(truth, ap50):
    """The surer of two detections lies on `truth`; the other is right."""
    result = measured([1001, truth], [1001, 1002], [0.2, 0.9])
    assert result["ap50"] == pytest.approx(ap50)


def test_small_instances_are_neither_false_negatives_nor_matches():
    truth, predicted = np.zeros((2, 20, 20), int)
    truth[:, :5] = 1001
    truth[:9, 10:15] = 1002
    predicted[truth == 1002] = 1001
    metric = CityscapesInstanceAP(INFO)
    ones = np.ones(truth.shape, np.float32)
    prediction = Prediction(
        panoptic_pred=predicted, instance_scores=ones, semantic_scores=ones
    )
    metric.update(Example(None, panoptic_raw=truth), prediction)
    assert metric.result()["ap"] == 0
    assert metric.state()["instances"].tolist() == [0, 1, 0]
    metric.reset()
    perfect = prediction._replace(panoptic_pred=truth)
    metric.update(Example(None, panoptic_raw=truth), perfect)
    assert metric.result()["ap"] == pytest.approx(100)


def test_a_small_crowd_excuses_twice():
    """Of 150 pixels detected, 60 are a crowd: as many as 120 of them count as that."""
    truth, predicted, scores = np.zeros((3, 20, 20))
    truth[:10] = predicted[:10] = 1001
    truth[10:13] = 1000
    predicted[10:17, :] = 1002
    predicted[17, :10] = 1002
    scores[:10], scores[10:] = 0.2, 0.9
    metric = CityscapesInstanceAP(INFO)
    prediction = Prediction(
        panoptic_pred=predicted.astype(int),
        instance_scores=scores.astype(np.float32),
        semantic_scores=np.ones((20, 20), np.float32),
    )
    metric.update(Example(None, panoptic_raw=truth.astype(int)), prediction)
    assert metric.result()["ap50"] == pytest.approx(100)


def test_nothing_to_find_is_no_score():
    assert measured([0], [1001], [1]) == {"ap": -1, "ap50": -1}
    assert measured([1001], [0], [1])["ap"] == 0
    # All that is predicted is excused.
    assert measured([1001, VOID], [0, 1001], [1, 1])["ap"] == 0


def test_a_state_of_other_classes_is_refused():
    metric = CityscapesInstanceAP(INFO)
    state = metric.state() | {"instances": np.zeros(7, int)}
    with pytest.raises(ValueError, match="7 classes, but 'test' has 3"):
        metric.load_state(state)
