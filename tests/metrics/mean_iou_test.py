"""Mean IoU against hand-worked values and a loop over classes."""

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.mean_iou import MeanIoU


def info(ids=range(4), ignore_label=255):
    return DatasetInfo(
        name="test",
        classes=tuple(ClassInfo(i, f"c{i}", False, (0, 0, 0), i) for i in ids),
        num_classes=max(ids) + 1,
        ignore_label=ignore_label,
        label_divisor=1000,
    )


def result_of(*pairs, **options):
    metric = MeanIoU(info(**options))
    for truth, predicted in pairs:
        metric.update(
            Example(image=None, semantic_raw=np.array(truth, np.int32)),
            Prediction(semantic_pred=np.array(predicted, np.int32)),
        )
    return metric.result()


def test_by_hand():
    """Class 0: 2 right of 2 + 3 - 2; class 1: 1 of 2 + 1 - 1; 2 and 3 do not occur.

    Each class has two of the four labelled pixels; class 0 is found, half of class 1.
    """
    assert result_of(([[0, 0, 1, 1]], [[0, 0, 0, 1]])) == pytest.approx(
        {
            "miou": 100 * (2 / 3 + 1 / 2) / 2,
            "frequency_weighted_iou": 100 * (2 * 2 / 3 + 2 * 1 / 2) / 4,
            "pixel_accuracy": 75.0,
            "mean_accuracy": 100 * (1 + 1 / 2) / 2,
            "iou/c0": 100 * 2 / 3,
            "iou/c1": 50.0,
        }
    )


def test_pixels_labelled_void_count_for_nobody():
    labelled = result_of(([[0, 1, 1]], [[0, 1, 0]]))
    assert labelled == result_of(([[0, 255, 1, 1, 255]], [[0, 3, 1, 0, 0]]))


def test_predicted_void_is_a_miss():
    """Class 0: 1 right of 2; class 1: 1 of 1; void has no IoU."""
    result = result_of(([[0, 0, 1]], [[0, 255, 1]]))
    assert result == pytest.approx(
        {
            "miou": 75.0,
            "frequency_weighted_iou": (2 * 50 + 100) / 3,
            "pixel_accuracy": 200 / 3,
            "mean_accuracy": 75.0,
            "iou/c0": 50.0,
            "iou/c1": 100.0,
        }
    )


def test_an_ignore_label_among_the_channels_is_void():
    """COCO: channel 0 is void, and predicting it is a miss."""
    result = result_of(
        ([[0, 1, 1, 2]], [[1, 1, 0, 2]]), ids=range(1, 4), ignore_label=0
    )
    assert result["iou/c1"] == pytest.approx(50.0)
    assert result["miou"] == pytest.approx(75.0)


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_loop_over_classes(seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, 4, (2, 3, 11, 13))
    truth[rng.random(truth.shape) < 0.2] = 255
    result = result_of(*zip(truth, predicted, strict=True))
    valid = truth != 255
    ious, shares, found = {}, [], []
    for c in range(4):
        shares.append((truth == c).sum() / valid.sum())
        found.append((predicted == c)[truth == c].mean())
        both = ((truth == c) & (predicted == c) & valid).sum()
        either = (((truth == c) | (predicted == c)) & valid).sum()
        ious[f"iou/c{c}"] = 100 * both / either
    assert result == pytest.approx(
        {
            "miou": np.mean(list(ious.values())),
            "frequency_weighted_iou": np.dot(shares, list(ious.values())),
            "pixel_accuracy": 100 * (truth == predicted)[valid].mean(),
            "mean_accuracy": 100 * np.mean(found),
            **ious,
        }
    )


def test_all_void_is_nothing():
    assert set(result_of(([[255]], [[1]])).values()) == {0.0}


def test_refuses_the_state_of_another_data_set():
    state = MeanIoU(info(range(3))).state()
    with pytest.raises(ValueError, match=r"\(3, 4\).*needs \(4, 5\)"):
        MeanIoU(info(range(4))).load_state(state)
