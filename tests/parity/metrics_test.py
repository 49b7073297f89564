"""The metrics equal the official ones on the recorded inputs."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.instance_ap import NAMES
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

RECORDS = Path(__file__).parent / "records"
THINGS = range(11, 19)
INFO = DatasetInfo(
    name="record",
    classes=tuple(ClassInfo(i, str(i), i in THINGS, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)


def load(name):
    with np.load(RECORDS / name) as file:
        return dict(file)


@pytest.fixture(scope="module")
def official():
    return load("official/panoptic_quality_official.npz")


@pytest.fixture(scope="module")
def panoptic_quality(official):
    metric = METRICS.get("panoptic_quality")(INFO, EvaluatorOptions())
    for truth, prediction in zip(
        official["ground_truth"], official["prediction"], strict=True
    ):
        metric.update(
            Example(image=None, panoptic_raw=truth),
            Prediction(panoptic_pred=prediction),
        )
    return metric


@pytest.mark.parametrize("group", ["all", "things", "stuff"])
def test_panoptic_quality_equals_official_means(official, panoptic_quality, group):
    result = panoptic_quality.result()
    *qualities, n = official[f"pq_sq_rq_n_{group}"]
    values = [result[f"{group}/{kind}"] / 100 for kind in ("pq", "sq", "rq")]
    np.testing.assert_allclose(values, qualities, rtol=0, atol=1e-9)
    assert result[f"{group}/n"] == n


def test_panoptic_quality_equals_official_classes(official, panoptic_quality):
    result = panoptic_quality.result()
    values = [
        [result.get(f"{kind}/{c}", 0.0) / 100 for kind in ("pq", "sq", "rq")]
        for c in range(19)
    ]
    expected = official["per_class_pq_sq_rq"]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9)


def test_panoptic_quality_counts_equal_official_ones(official, panoptic_quality):
    counts = panoptic_quality.counts()
    np.testing.assert_array_equal(
        [counts[c] for c in range(19)], official["per_class_tp_fp_fn"]
    )


def test_instance_ap_equals_published():
    maps = load("components/metric_panoptic_quality.npz")
    record = load("components/metric_instance_ap.npz")
    metric = METRICS.get("instance_ap")(
        INFO, EvaluatorOptions(detailed_ap_metrics=True)
    )
    for i in range(len(record["is_crowd"])):
        metric.update(
            Example(
                image=None,
                panoptic_raw=maps["ground_truth"][i],
                is_crowd_raw=record["is_crowd"][i],
            ),
            Prediction(
                panoptic_pred=maps["prediction"][i],
                semantic_probs=record["semantic_probabilities"][i],
                instance_scores=record["instance_scores"][i],
            ),
        )
    result = metric.result()
    expected = np.where(record["ap12"] < 0, -1, 100 * record["ap12"])
    np.testing.assert_allclose([result[n] for n in NAMES], expected, rtol=1e-5)


def test_stq_equals_published():
    record = load("components/metric_stq.npz")
    metric = METRICS.get("stq")(INFO, EvaluatorOptions())
    for truth, prediction, sequence in zip(
        record["ground_truth"], record["prediction"], record["sequence"], strict=True
    ):
        metric.update(
            Example(image=None, panoptic_raw=truth, sequence_id=str(sequence)),
            Prediction(panoptic_pred=prediction),
        )
    result = metric.result()
    for name, published in (("stq", "STQ"), ("aq", "AQ"), ("iou", "IoU")):
        # The published sizes of instances are float32.
        tolerance = {"rtol": 1e-9 if name == "iou" else 1e-6}
        np.testing.assert_allclose(result[name], 100 * record[published], **tolerance)
        for i, video in enumerate(record["ID_per_seq"]):
            np.testing.assert_allclose(
                result[f"{name}/{int(video)}"],
                100 * record[f"{published}_per_seq"][i],
                **tolerance,
            )


def stuff_info():
    """Every class as stuff: crowds are then segments of their own, as published."""
    classes = tuple(ClassInfo(i, str(i), False, (0, 0, 0), i) for i in range(19))
    return dataclasses.replace(INFO, classes=classes)


def test_vpq_of_frame_pairs_equals_published():
    """The pairs of consecutive frames in each of the two videos of the STQ record."""
    record = load("components/metric_stq.npz")
    published = load("components/metric_vpq_2frames.npz")["pq_sq_rq_tp_fn_fp"]
    metric = METRICS.get("vpq_2frames")(stuff_info(), EvaluatorOptions())
    truth, prediction = record["ground_truth"], record["prediction"]
    for i in range(7):
        if record["sequence"][i] == record["sequence"][i + 1]:
            metric.update(
                Example(
                    image=None, panoptic_raw=truth[i], next_panoptic_raw=truth[i + 1]
                ),
                Prediction(
                    panoptic_pred=prediction[i], next_panoptic_pred=prediction[i + 1]
                ),
            )
    result = metric.result()
    values = [result[f"all/{kind}"] / 100 for kind in ("pq", "sq", "rq")]
    np.testing.assert_allclose(values, published[:3], rtol=2e-7)
    counts = [c for c in metric.counts().values() if any(c)]
    tp, fp, fn = np.mean(counts, axis=0)
    np.testing.assert_allclose([tp, fn, fp], published[3:], rtol=2e-7)


def test_vpq_of_windows_equals_published():
    record = load("components/metric_stq.npz")
    published = load("components/metric_vpq_2frames.npz")["pq_sq_rq_tp_fn_fp"]
    metric = METRICS.get("vpq")(stuff_info(), EvaluatorOptions())
    for i, sequence in enumerate(record["sequence"]):
        metric.update(
            Example(
                image=None,
                panoptic_raw=record["ground_truth"][i],
                sequence_id=str(sequence),
                frame_id=str(i),
            ),
            Prediction(panoptic_pred=record["prediction"][i]),
        )
    value = metric.result()["2_frames/all"]
    np.testing.assert_allclose(value, 100 * published[0], rtol=2e-7)


def test_depth_errors_equal_published():
    record = load("components/metric_depth.npz")
    metric = METRICS.get("depth")(INFO, EvaluatorOptions())
    for truth, prediction in zip(
        record["ground_truth"], record["prediction"], strict=True
    ):
        metric.update(
            Example(image=None, depth_raw=truth),
            Prediction(depth_pred=prediction[..., None]),
        )
    result = metric.result()
    silog, sq_rel, abs_rel, inlier = record["silog_sqrel_absrel_inlier"]
    # Published as float32; the variance is a difference of two of them.
    np.testing.assert_allclose(result["silog"], silog, rtol=1e-5)
    np.testing.assert_allclose(result["sq_rel"], 100 * sq_rel, rtol=1e-6)
    np.testing.assert_allclose(result["abs_rel"], 100 * abs_rel, rtol=1e-6)
    np.testing.assert_allclose(result["inlier"], 100 * inlier, rtol=1e-6)
