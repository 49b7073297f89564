"""STQ against values worked out by hand and a loop over all pairs of instances."""

import math

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.stq import SegmentationTrackingQuality
from tests.parity import scenes

THINGS = (3, 4)


def info_of(ignore=255):
    classes = [i for i in range(5) if i != ignore]
    return DatasetInfo(
        name="test",
        classes=tuple(ClassInfo(i, str(i), i in THINGS, (0, 0, 0), i) for i in classes),
        num_classes=5,
        ignore_label=ignore,
        label_divisor=1000,
    )


def measured(*frames, ignore=255):
    """Measures frames (video, truth, prediction)."""
    metric = SegmentationTrackingQuality(info_of(ignore))
    for video, truth, prediction in frames:
        metric.update(
            Example(
                image=None,
                panoptic_raw=np.array(truth, np.int32),
                sequence_id=video,
            ),
            Prediction(panoptic_pred=np.array(prediction, np.int32)),
        )
    return metric.result()


def test_an_id_that_changes():
    """Four pixels of one car in two frames; in the second its id is another.

    Each predicted id shares 4 of 8 pixels: AQ = 2 * 4 * (4 / 8) / 8 = 0.5, IoU 1.
    """
    car = [[3001, 3001], [3001, 3001]]
    other = [[3009, 3009], [3009, 3009]]
    result = measured(("v", car, car), ("v", car, other))
    assert result["aq"] == pytest.approx(50)
    assert result["iou"] == pytest.approx(100)
    assert result["stq"] == pytest.approx(100 * math.sqrt(0.5))


def test_ids_of_different_videos_have_nothing_to_do_with_each_other():
    car, other = [[3001, 3001]], [[3009, 3009]]
    result = measured(("v", car, car), ("w", car, other))
    assert result["stq"] == pytest.approx(100)
    assert result["stq/v"] == result["stq/w"] == pytest.approx(100)


def test_crowds_count_for_classes_alone():
    """The crowd pixel predicted as a person of id 1 does not widen that person."""
    truth, prediction = [[4001, 4001, 4000, 0]], [[4001, 4001, 4001, 0]]
    result = measured(("v", truth, prediction))
    assert result["aq"] == pytest.approx(100)
    assert result["iou"] == pytest.approx(100)


def test_void_of_the_truth_widens_a_predicted_instance_but_no_class():
    truth, prediction = [[4001, 255000]], [[4001, 4001]]
    result = measured(("v", truth, prediction))
    assert result["iou"] == pytest.approx(100)
    assert result["aq"] == pytest.approx(100 * (1 / 2))


def test_predicted_void_is_a_class_of_its_own():
    """IoUs 1 (class 0), 1 / 2 (class 1) and 0 (void), as the official code counts."""
    result = measured(("v", [[0, 0, 1000, 1000]], [[0, 0, 1000, 255000]]))
    assert result["iou"] == pytest.approx(100 * 1.5 / 3)


def oracle(frames, ignore):
    """The official definition: all true against all predicted tubes, classes apart."""
    videos = sorted({video for video, _, _ in frames})
    outer, tubes = 0.0, 0
    confusion = np.zeros((256, 256))
    for video in videos:
        truth = np.concatenate([t for v, t, _ in frames if v == video])
        prediction = np.concatenate([p for v, _, p in frames if v == video])
        np.add.at(confusion, (truth // 1000, prediction // 1000), 1)
        thing = np.isin(truth // 1000, THINGS)
        crowd = thing & (truth % 1000 == 0)
        predicted_thing = np.isin(prediction // 1000, THINGS) & ~crowd
        for t in np.unique(truth[thing & ~crowd]):
            tubes += 1
            for p in np.unique(prediction[predicted_thing]):
                a = (truth == t) & thing & ~crowd
                b = (prediction == p) & predicted_thing
                common = (a & b).sum()
                outer += common * common / (a | b).sum() / a.sum()
    confusion[ignore] = 0
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    iou = (confusion.diagonal()[union > 0] / union[union > 0]).mean()
    aq = outer / max(tubes, 1)
    return 100 * np.sqrt(aq * iou), 100 * aq, 100 * iou


@pytest.mark.parametrize("ignore", [255, 0])
@pytest.mark.parametrize("seed", range(4))
def test_equals_a_loop_over_all_pairs(seed, ignore):
    frames = []
    for i in range(6):
        truth = scenes.panoptic(
            30, 40, 7 * seed + i // 2, THINGS, (1, 2), ignore=ignore, n=6
        )
        prediction = scenes.perturb(truth, 50 * seed + i, things=THINGS, void=ignore)
        frames.append((f"video {i % 2}", truth, prediction))
    result = measured(*frames, ignore=ignore)
    expected = oracle(frames, ignore)
    values = [result[name] for name in ("stq", "aq", "iou")]
    np.testing.assert_allclose(values, expected, rtol=1e-12)


@pytest.mark.parametrize("label", [255_000, 3000, 1000])
def test_without_an_instance(label):
    result = measured(("v", np.full((3, 4), label), np.full((3, 4), 1000)))
    assert result["aq"] == 0
    assert result["stq"] == 0
    assert result["iou"] == pytest.approx(100 * (label == 1000))


def test_frames_without_a_video_make_up_one():
    car = [[3001]]
    result = measured((None, car, car), (None, car, [[3002]]))
    assert set(result) == {"stq", "aq", "iou"}
    assert result["aq"] == pytest.approx(50)


def test_invented_instances_do_not_divide_by_zero():
    result = measured(("v", [[1000, 1000]], [[3001, 3002]]))
    assert result == {
        f"{name}{video}": 0.0 for name in ("stq", "aq", "iou") for video in ("", "/v")
    }
