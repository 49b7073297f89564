"""Segmentation and tracking quality, from recorded label maps of videos."""

import numpy as np

from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity.components.label_maps import INPUTS, classes, pairs
from tests.parity.records import compare


def compute_stq(fields):
    """Returns STQ, AQ and IoU of all and of each sequence, as recorded."""
    metric = METRICS.get("stq")(classes(fields), EvaluatorOptions())
    for (truth, prediction), sequence in zip(
        pairs(fields), fields["sequence"], strict=True
    ):
        metric.update(
            Example(image=None, panoptic_raw=truth, sequence_id=str(sequence)),
            Prediction(panoptic_pred=prediction),
        )
    result = metric.result()
    sequences, lengths = np.unique(fields["sequence"], return_counts=True)
    computed = {"ID_per_seq": sequences, "Length_per_seq": lengths}
    for name, published in (("stq", "STQ"), ("aq", "AQ"), ("iou", "IoU")):
        computed[published] = result[name] / 100
        computed[f"{published}_per_seq"] = [
            result[f"{name}/{sequence}"] / 100 for sequence in sequences
        ]
    return computed


def check_stq(record, _):
    """Compares the qualities; the published sizes of instances are float32."""
    tolerances = {}
    for name, relative in (("STQ", 1e-6), ("AQ", 1e-6), ("IoU", 1e-9)):
        tolerances[name] = tolerances[f"{name}_per_seq"] = {"rtol": relative}
    inputs = (*INPUTS, "sequence")
    compare(record.fields, compute_stq(record.fields), inputs, tolerances)
