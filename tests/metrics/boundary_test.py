"""Boundary metrics against masks that are eroded one by one, as published."""

import numpy as np
import pytest
from scipy import ndimage

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.boundary_iou import BoundaryIoU
from deeplab.metrics.boundary_panoptic_quality import BoundaryPanopticQuality
from deeplab.metrics.boundary_pixels import boundary_pixels
from deeplab.metrics.panoptic_quality import PanopticQuality
from tests.parity import scenes

THINGS = (3, 4)
VOID = 255
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, f"c{i}", i in THINGS, (0, 0, 0), i) for i in range(5)),
    num_classes=5,
    ignore_label=VOID,
    label_divisor=1000,
)


def eroded_boundary(mask, ratio=0.02):
    """Peels the mask pixel by pixel; what lies beyond the image is not in it."""
    steps = max(1, round(ratio * np.hypot(*mask.shape)))
    square = np.ones((3, 3), bool)
    return mask & ~ndimage.binary_erosion(mask, square, iterations=steps)


def scene(seed, height=61, width=83):
    truth = scenes.panoptic(height, width, seed, things=THINGS, stuff=(0, 1, 2))
    return truth, scenes.perturb(truth, seed, things=THINGS)


@pytest.mark.parametrize("size", [(61, 83), (1, 1), (1, 9), (300, 20)])
def test_boundaries_of_all_segments_at_once(size):
    label = np.random.default_rng(0).integers(0, 3, (8, 8))
    label = np.kron(label, np.ones((40, 12), np.int64))[: size[0], : size[1]]
    edge = boundary_pixels(label)
    for segment in np.unique(label):
        mask = label == segment
        np.testing.assert_array_equal(edge & mask, eroded_boundary(mask))


def official_counts(truth, predicted):
    """One image by loops over pairs of masks, in the order of the published tool."""
    stats = {c: [0.0, 0, 0, 0] for c in range(5)}  # Summed IoU, TP, FP, FN.
    void = truth // 1000 == VOID
    segments = [s for s in np.unique(truth) if s // 1000 != VOID]
    crowds = [s for s in segments if s // 1000 in THINGS and s % 1000 == 0]
    matched, found = set(), set()
    for a in segments:
        for b in np.unique(predicted):
            t, p = truth == a, predicted == b
            if a in crowds or a // 1000 != b // 1000 or not (t & p).any():
                continue
            iou = (t & p).sum() / ((t | p) & ~(void & p)).sum()
            t, p = eroded_boundary(t), eroded_boundary(p)
            union = t.sum() + p.sum() - (t & p).sum() - (void & p).sum()
            iou = min(iou, (t & p).sum() / union)
            if iou > 0.5:
                stats[a // 1000][0] += iou
                stats[a // 1000][1] += 1
                matched.add(a)
                found.add(b)
    for a in set(segments) - matched - set(crowds):
        stats[a // 1000][3] += 1
    for b in np.unique(predicted):
        crowd = np.isin(truth, [c for c in crowds if c // 1000 == b // 1000])
        excused = ((void | crowd) & (predicted == b)).sum()
        if b // 1000 != VOID and b not in found:
            stats[b // 1000][2] += 2 * excused <= (predicted == b).sum()
    return stats


@pytest.mark.parametrize("seed", range(6))
def test_panoptic_quality_equals_the_published_procedure(seed):
    truth, predicted = scene(seed)
    truth[:9, :30] = VOID * 1000
    truth[-8:, -20:] = 3000
    metric = BoundaryPanopticQuality(INFO)
    metric.update(
        Example(image=None, panoptic_raw=truth), Prediction(panoptic_pred=predicted)
    )
    expected = official_counts(truth, predicted)
    result = metric.result()
    for c, (iou, tp, fp, fn) in expected.items():
        assert metric.counts()[c] == (tp, fp, fn)
        if tp + fp + fn:
            quality = 100 * iou / (tp + fp / 2 + fn / 2)
            assert result[f"pq/c{c}"] == pytest.approx(quality, rel=1e-12)


def test_is_never_above_panoptic_quality_and_full_for_the_truth():
    plain, boundary = PanopticQuality(INFO), BoundaryPanopticQuality(INFO)
    perfect = BoundaryPanopticQuality(INFO)
    for seed in range(4):
        truth, predicted = scene(seed)
        example = Example(image=None, panoptic_raw=truth)
        plain.update(example, Prediction(panoptic_pred=predicted))
        boundary.update(example, Prediction(panoptic_pred=predicted))
        perfect.update(example, Prediction(panoptic_pred=truth))
    assert 0 < boundary.result()["all/pq"] < plain.result()["all/pq"]
    assert perfect.result()["all/pq"] == 100.0


@pytest.mark.parametrize("seed", range(3))
def test_class_boundaries_equal_a_loop_over_classes(seed):
    truth, predicted = (labels // 1000 for labels in scene(seed))
    truth[5:20, 10:40] = VOID
    metric = BoundaryIoU(INFO)
    metric.update(
        Example(image=None, semantic_raw=truth), Prediction(semantic_pred=predicted)
    )
    expected = {}
    for c in range(5):
        t = eroded_boundary(truth == c)
        p = eroded_boundary(predicted == c) & (truth != VOID)
        if (t | p).any():
            expected[f"iou/c{c}"] = 100 * (t & p).sum() / (t | p).sum()
    expected["miou"] = np.mean(list(expected.values()))
    assert metric.result() == pytest.approx(expected, rel=1e-12)
