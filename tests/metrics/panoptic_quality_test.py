"""Panoptic quality by hand, and against the rules of the official tool in loops."""

from collections import defaultdict

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.panoptic_quality import PanopticQuality
from tests.parity import scenes

THINGS = (11, 12, 13, 14, 15, 16, 17, 18)
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, f"c{i}", i in THINGS, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)
VOID = 255000


def measured(*pairs):
    metric = PanopticQuality(INFO)
    for truth, predicted in pairs:
        metric.update(
            Example(image=None, panoptic_raw=np.array(truth, np.int32)),
            Prediction(panoptic_pred=np.array(predicted, np.int32)),
        )
    return metric


def official(pairs):
    """Returns class -> (summed IoU, tp, fp, fn), segment by segment."""
    stats = defaultdict(lambda: np.zeros(4))
    for truth, predicted in pairs:
        matched_truth, matched_predicted = set(), set()
        void = truth // 1000 == 255
        for t in np.unique(truth[~void]):
            if t // 1000 in THINGS and t % 1000 == 0:
                continue
            for p in np.unique(predicted):
                if p // 1000 == t // 1000:
                    inter = ((truth == t) & (predicted == p)).sum()
                    union = ((truth == t) | ((predicted == p) & ~void)).sum()
                    if inter / union > 0.5:
                        stats[t // 1000] += (inter / union, 1, 0, 0)
                        matched_truth.add(t)
                        matched_predicted.add(p)
            if t not in matched_truth:
                stats[t // 1000][3] += 1
        for p in np.unique(predicted):
            if p in matched_predicted or p // 1000 == 255:
                continue
            crowd = (truth == p // 1000 * 1000) & (p // 1000 in THINGS)
            pixels = predicted == p
            if (pixels & (void | crowd)).sum() / pixels.sum() <= 0.5:
                stats[p // 1000][2] += 1
    return stats


@pytest.mark.parametrize("seed", range(25))
def test_equals_the_official_rules(seed):
    rng = np.random.default_rng(seed)
    size = rng.integers(12, 60, 2)
    pairs = []
    for i in range(3):
        truth = scenes.panoptic(*size, 10 * seed + i, n=int(rng.integers(0, 20)))
        predicted = scenes.perturb(truth, 10 * seed + i)
        predicted[rng.random(size) < 0.1] = rng.choice([VOID, 12000, 15003, 2000])
        pairs.append((truth, predicted))
    metric, stats = measured(*pairs), official(pairs)
    qualities = {}
    for c in range(19):
        iou, tp, fp, fn = stats[c]
        assert metric.counts()[c] == (tp, fp, fn)
        if tp + fp + fn:
            found = tp + fp / 2 + fn / 2
            qualities[c] = (iou / found, iou / max(tp, 1), tp / found)
    result = metric.result()
    groups = {"all": range(19), "things": THINGS, "stuff": range(11)}
    for kind, i in (("pq", 0), ("sq", 1), ("rq", 2)):
        for c, values in qualities.items():
            assert result[f"{kind}/c{c}"] == pytest.approx(100 * values[i], abs=1e-9)
        for group, members in groups.items():
            values = [qualities[c][i] for c in members if c in qualities]
            assert result[f"{group}/{kind}"] == pytest.approx(
                100 * np.mean(values) if values else 0.0, abs=1e-9
            )
            assert result[f"{group}/n"] == len(values)
    assert {k for k in result if k.startswith("pq/")} == {f"pq/c{c}" for c in qualities}


def test_a_match_by_hand():
    """One road of 3 pixels, 2 of them found and one foreign pixel added: IoU 2 / 4."""
    result = measured(([[1000, 1000, 1000, 2000]], [[1000, 1000, 2000, 1000]])).result()
    # 2 / 4 is not above 0.5: both classes are false negatives and false positives.
    assert result["all/pq"] == 0.0
    assert result["all/n"] == 2
    result = measured(([[1000] * 3 + [2000] * 2], [[1000] * 4 + [2000]])).result()
    assert result["pq/c1"] == pytest.approx(75.0)
    assert result["pq/c2"] == 0.0


def test_void_pixels_do_not_enlarge_a_segment():
    """The prediction covers 2 of 2 pixels, and 2 void ones besides."""
    result = measured(([[11001, 11001, VOID, VOID]], [[11005] * 4])).result()
    assert result["pq/c11"] == 100.0


@pytest.mark.parametrize(
    ("truth", "false_positives"),
    [
        ([VOID, VOID, VOID, 2000], 0),
        ([VOID, VOID, 2000, 2000], 1),
        ([11000, 11000, 11000, 2000], 0),
        ([11000, VOID, VOID, 2000], 0),
        ([12000, 12000, 12000, 2000], 1),
    ],
)
def test_a_segment_mostly_in_void_or_its_crowd_is_excused(truth, false_positives):
    assert measured(([truth], [[11001] * 4])).counts()[11] == (0, false_positives, 0)


def test_a_crowd_is_neither_a_false_negative_nor_a_match():
    assert measured(([[11000] * 4], [[11000] * 4])).counts()[11] == (0, 0, 0)
    assert measured(([[11000] * 4], [[VOID] * 4])).counts()[11] == (0, 0, 0)


def test_stuff_of_instance_0_is_no_crowd():
    assert measured(([[2000] * 4], [[VOID] * 4])).counts()[2] == (0, 0, 1)


def test_refuses_the_state_of_another_data_set():
    state = PanopticQuality(INFO).state()
    state["false_negatives"] = state["false_negatives"][:5]
    with pytest.raises(ValueError, match="5 classes, but 'test' has 19"):
        PanopticQuality(INFO).load_state(state)
