"""Errors of depth against values worked out by hand."""

import math

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.depth import DepthErrors
from deeplab.metrics.dstq import DepthTrackingQuality

INFO = DatasetInfo(
    name="test",
    classes=(
        ClassInfo(0, "road", False, (0, 0, 0), 0),
        ClassInfo(1, "car", True, (0, 0, 0), 1),
    ),
    num_classes=2,
    ignore_label=255,
    label_divisor=1000,
    ignore_depth=0,
)


def measured(*images):
    metric = DepthErrors(INFO)
    for truth, predicted in images:
        metric.update(
            Example(image=None, depth_raw=np.array([truth], np.float32)),
            Prediction(depth_pred=np.array([predicted], np.float32)[..., None]),
        )
    return metric.result()


def test_two_pixels():
    """True 2 and 10, predicted 3 and 10; the third pixel is unknown."""
    result = measured(([2, 10, 0], [3, 10, 5]))
    assert result["inlier"] == pytest.approx(50)
    assert result["abs_rel"] == pytest.approx(100 * 0.5 / 2)
    assert result["sq_rel"] == pytest.approx(100 * 0.25 / 2)
    assert result["rmse"] == pytest.approx(math.sqrt(1 / 2))
    log = math.log(1.5)
    spread = math.sqrt(log**2 / 2 - (log / 2) ** 2)
    assert result["silog"] == pytest.approx(100 * spread)
    assert result["rmse_log"] == pytest.approx(log / math.sqrt(2))


def test_inliers_of_three_factors():
    """Ratios 1.2, 1.5, 1.9 and 2: within 1.25, 1.5625, 1.953125 and none."""
    result = measured(([5, 2, 10, 1], [6, 3, 19, 2]))
    assert result["inlier"] == pytest.approx(25)
    assert result["inlier_2"] == pytest.approx(50)
    assert result["inlier_3"] == pytest.approx(75)


def test_states_of_other_errors_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 5\).*rmse_log"):
        DepthErrors(INFO).load_state({"errors": np.zeros((2, 5))})


def test_silog_forgives_a_common_factor():
    assert measured(([1, 2, 4], [3, 6, 12]))["silog"] == pytest.approx(0, abs=1e-4)


def test_images_count_alike_however_many_pixels_are_known():
    result = measured(([1, 1, 1, 1], [1, 1, 1, 1]), ([1, 0, 0, 0], [2, 0, 0, 0]))
    assert result["inlier"] == pytest.approx(50)
    assert result["abs_rel"] == pytest.approx(50)


def test_images_without_known_depth_are_left_out():
    unknown = ([0, 0], [1, 2])
    assert measured(unknown, ([1], [1])) == measured(([1], [1]))
    assert set(measured(unknown).values()) == {0.0}


def test_the_inlier_factor_is_exclusive_both_ways():
    assert measured(([4, 4, 5, 5], [5, 4.99, 4, 4.01]))["inlier"] == pytest.approx(50)


def test_no_depth_or_a_negative_one_is_predicted():
    result = measured(([1, 1], [0, -3]))
    assert all(math.isfinite(value) for value in result.values())
    assert result["inlier"] == 0


def tracked(*frames):
    metric = DepthTrackingQuality(INFO)
    for video, truth, predicted, depth, guess in frames:
        metric.update(
            Example(
                image=None,
                panoptic_raw=np.array([truth], np.int32),
                depth_raw=np.array([depth], np.float32),
                sequence_id=video,
            ),
            Prediction(
                panoptic_pred=np.array([predicted], np.int32),
                depth_pred=np.array([guess], np.float32)[..., None],
            ),
        )
    return metric.result()


def test_depth_quality_joins_tracking():
    """STQ is 100. Of four known pixels 3 lie within 1.25 and 2 within 1.1."""
    label = [1001, 1001, 0, 0, 0]
    frame = ("v", label, label, [10, 10, 10, 10, 0], [10, 10.5, 12, 30, 9])
    result = tracked(frame)
    assert result["stq"] == pytest.approx(100)
    assert result["dq@1.25"] == pytest.approx(75)
    assert result["dq@1.1"] == pytest.approx(50)
    dq = 100 * math.sqrt(0.75 * 0.5)
    assert result["dq"] == result["dq/v"] == pytest.approx(dq)
    assert result["dstq"] == pytest.approx((100**2 * dq) ** (1 / 3))
    assert result["dstq@1.25"] == pytest.approx((100**2 * 75) ** (1 / 3))
    assert result["dstq/v"] == pytest.approx(result["dstq"])


def test_depth_quality_counts_pixels_over_all_videos():
    label = [0, 0, 0]
    frames = [
        ("v", label, label, [1, 0, 0], [2, 1, 1]),
        ("w", label, label, [1, 1, 1], [1, 1, 1]),
    ]
    result = tracked(*frames)
    assert result["dq"] == pytest.approx(75)
    assert (result["dq/v"], result["dq/w"]) == (0, pytest.approx(100))


def test_what_is_predicted_behind_the_camera_is_wrong():
    result = tracked(("v", [0, 0], [0, 0], [1, 1], [0, -1]))
    assert result["dq"] == 0
    assert tracked(("v", [0], [0], [0], [1]))["dq"] == 0
