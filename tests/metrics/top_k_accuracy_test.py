"""Worked out by hand: ten classes whose probability falls with the id, but for ties."""

import numpy as np
import pytest

from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.numbered import numbered_dataset

FALLING = np.arange(10, 0, -1, np.float32) / 55
TIED = np.full(10, 0.1, np.float32)
INFO = numbered_dataset(10)


def measured(*images):
    metric = METRICS.get("top_k_accuracy")(INFO, EvaluatorOptions())
    for truth, probs in images:
        example = Example(image=None, class_gt=truth, image_filename="a.jpg")
        metric.update(example, Prediction(class_probs=probs))
    return metric


def test_places_of_the_truth():
    images = [(0, FALLING), (4, FALLING), (5, FALLING), (9, FALLING)]
    assert measured(*images).result() == {"top_1": 25.0, "top_5": 50.0}


def test_the_lower_id_of_equals_comes_first():
    assert measured((0, TIED)).result() == {"top_1": 100.0, "top_5": 100.0}
    assert measured((4, TIED)).result() == {"top_1": 0.0, "top_5": 100.0}
    assert measured((5, TIED)).result() == {"top_1": 0.0, "top_5": 0.0}


def test_ignored_images_do_not_count():
    images = [(0, FALLING), (INFO.ignore_label, FALLING)]
    assert measured(*images).result() == {"top_1": 100.0, "top_5": 100.0}


@pytest.mark.parametrize(
    ("truth", "probs", "message"),
    [
        (None, FALLING, r"a\.jpg: no class_gt to evaluate"),
        (0, None, r"a\.jpg: no class_probs to evaluate"),
        (11, FALLING, r"a\.jpg: the ground truth has class ids \[11\]"),
        (0, FALLING[:9], r"a\.jpg: class_probs has shape \(9,\), but .* 10 classes"),
    ],
)
def test_what_does_not_fit(truth, probs, message):
    with pytest.raises(ValueError, match=message):
        measured((truth, probs))
