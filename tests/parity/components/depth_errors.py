"""Errors of depth, from recorded maps."""

import numpy as np

from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity.components.classes import classes_of
from tests.parity.components.label_maps import INPUTS, pairs
from tests.parity.records import compare


def compute_depth(fields):
    """Returns the errors of depth of the record that holds these inputs."""
    metric = METRICS.get("depth")(classes_of(fields, 1), EvaluatorOptions())
    for truth, prediction in pairs(fields):
        metric.update(
            Example(image=None, depth_raw=truth),
            Prediction(depth_pred=prediction[..., np.newaxis]),
        )
    result = metric.result()
    names = ("sq_rel", "abs_rel", "inlier")
    return {
        "silog_sqrel_absrel_inlier": [
            result["silog"],
            *(result[name] / 100 for name in names),
        ]
    }


def check_depth(record, _):
    """Compares with what was published as float32."""
    (name,), (values,) = zip(*compute_depth(record.fields).items(), strict=True)
    # The variance is a difference of two of them.
    compare(record.fields, {name: values}, INPUTS, {name: {"rtol": 1e-5}})
    published = record.fields[name][1:]
    np.testing.assert_allclose(values[1:], published, rtol=1e-6, err_msg=name)
