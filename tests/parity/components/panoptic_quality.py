"""Panoptic quality of images and of pairs of frames, from recorded label maps."""

import dataclasses
import itertools

import numpy as np

from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity.components.label_maps import INPUTS, classes, pairs, with_maps
from tests.parity.records import compare

QUALITIES = ("pq", "sq", "rq")


def _all_stuff(info):
    """Every class as stuff: crowds are then segments of their own, as published."""
    classes = (dataclasses.replace(c, is_thing=False) for c in info.classes)
    return dataclasses.replace(info, classes=tuple(classes))


def _panoptic_quality(info, fields):
    metric = METRICS.get("panoptic_quality")(info, EvaluatorOptions())
    for truth, prediction in pairs(fields):
        metric.update(
            Example(image=None, panoptic_raw=truth),
            Prediction(panoptic_pred=prediction),
        )
    return metric


def _means(metric):
    """Returns PQ, SQ, RQ and mean true positives, misses and false positives."""
    result = metric.result()
    counts = [c for c in metric.counts().values() if any(c)]
    tp, fp, fn = np.mean(counts, axis=0)
    return [*(result[f"all/{q}"] / 100 for q in QUALITIES), tp, fn, fp]


def compute_official_quality(fields):
    """Returns the official panoptic quality of the record that holds these inputs."""
    info = classes(fields)
    metric = _panoptic_quality(info, fields)
    result, counts = metric.result(), metric.counts()
    computed = {
        f"pq_sq_rq_n_{group}": [
            *(result[f"{group}/{q}"] / 100 for q in QUALITIES),
            result[f"{group}/n"],
        ]
        for group in ("all", "things", "stuff")
    }
    qualities = np.array(
        [
            [result.get(f"{q}/{c}", 0.0) / 100 for q in QUALITIES]
            for c in range(info.num_classes)
        ]
    )
    computed["per_class_pq_sq_rq"] = qualities
    computed["per_class_tp_fp_fn"] = [counts[c] for c in range(info.num_classes)]
    matches = np.array(computed["per_class_tp_fp_fn"])[:, 0]
    computed["per_class_iou_sum"] = qualities[:, 1] * matches
    return computed


def check_official_quality(record, _):
    """Compares means and every class; counts exactly."""
    computed = compute_official_quality(record.fields)
    tolerances = {name: {"rtol": 0, "atol": 1e-9} for name in computed}
    del tolerances["per_class_tp_fp_fn"]
    compare(record.fields, computed, INPUTS, tolerances)


def compute_quality(fields):
    """Returns the quality of segments, crowds among them, as published."""
    metric = _panoptic_quality(_all_stuff(classes(fields)), fields)
    return {"pq_sq_rq_tp_fn_fp": _means(metric)}


def check_quality(record, _):
    """Compares the means over the classes."""
    tolerances = {"pq_sq_rq_tp_fn_fp": {"rtol": 2e-7}}
    compare(record.fields, compute_quality(record.fields), INPUTS, tolerances)


def compute_vpq(fields):
    """Returns the quality of pairs of frames in the same sequence, as recorded."""
    metric = METRICS.get("vpq_2frames")(_all_stuff(classes(fields)), EvaluatorOptions())
    frames = zip(
        *(fields[n] for n in ("ground_truth", "prediction", "sequence")), strict=True
    )
    for (truth, prediction, sequence), (after, predicted, same) in itertools.pairwise(
        frames
    ):
        if sequence == same:
            metric.update(
                Example(image=None, panoptic_raw=truth, next_panoptic_raw=after),
                Prediction(panoptic_pred=prediction, next_panoptic_pred=predicted),
            )
    return {"pq_sq_rq_tp_fn_fp": _means(metric)}


def quality_of_windows(fields):
    """Returns the PQ of windows of two frames, 0 to 100."""
    metric = METRICS.get("vpq")(_all_stuff(classes(fields)), EvaluatorOptions())
    for i, (truth, prediction) in enumerate(pairs(fields)):
        metric.update(
            Example(
                image=None,
                panoptic_raw=truth,
                sequence_id=str(fields["sequence"][i]),
                frame_id=str(i),
            ),
            Prediction(panoptic_pred=prediction),
        )
    return metric.result()["2_frames/all"]


def check_vpq(record, _):
    """Compares both ways to make pairs; the frames are those of another record."""
    fields = with_maps(record, "metric_vpq_2frames", "metric_stq")
    tolerance = {"rtol": 2e-7}
    computed = compute_vpq(fields)
    inputs = (*INPUTS, "sequence")
    compare(record.fields, computed, inputs, {"pq_sq_rq_tp_fn_fp": tolerance})
    published = record.fields["pq_sq_rq_tp_fn_fp"][0]
    np.testing.assert_allclose(quality_of_windows(fields), 100 * published, **tolerance)
