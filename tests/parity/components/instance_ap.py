"""Average precision of instances, from recorded label maps and scores."""

import numpy as np

from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.instance_ap import NAMES
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity.components.label_maps import INPUTS, classes, pairs, with_maps
from tests.parity.records import compare


def compute_instance_ap(fields):
    """Returns the twelve numbers of COCO; `fields` with the label maps."""
    options = EvaluatorOptions(detailed_ap_metrics=True)
    metric = METRICS.get("instance_ap")(classes(fields), options)
    for i, (truth, prediction) in enumerate(pairs(fields)):
        metric.update(
            Example(
                image=None,
                panoptic_raw=truth,
                is_crowd_raw=fields["is_crowd"][i],
            ),
            Prediction(
                panoptic_pred=prediction,
                semantic_probs=fields["semantic_probabilities"][i],
                instance_scores=fields["instance_scores"][i],
            ),
        )
    result = metric.result()
    values = np.array([result[name] for name in NAMES])
    return {"ap12": np.where(values < 0, -1, values / 100)}


def check_instance_ap(record, _):
    """Compares the twelve numbers; the label maps are those of another record."""
    maps = with_maps(record, "metric_instance_ap", "metric_panoptic_quality")
    computed = compute_instance_ap(maps)
    inputs = (*INPUTS, "semantic_probabilities", "instance_scores", "is_crowd", "note")
    compare(record.fields, computed, inputs, {"ap12": {"rtol": 1e-5}})
