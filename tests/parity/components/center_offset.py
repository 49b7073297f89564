"""The post-processing of centres and offsets, as the compiled merge does it."""

import numpy as np
import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity.components.classes import classes_of
from tests.parity.records import compare

OUTPUTS = {
    "panoptic_pred": "panoptic_op",
    "semantic_pred": "semantic_op",
    "instance_pred": "instance_op",
    "instance_center_pred": "instance_center_op",
    "instance_scores": "instance_score_op",
}
INPUTS = (
    "semantic_probabilities",
    "center_heatmap",
    "offset_map",
    "thing_classes",
    "center_threshold",
    "stuff_area_limit",
    "nms_kernel",
    "keep_k_centers",
)
# The published way without the compiled merge, which departs from it.
FALLBACK = tuple(name.replace("_op", "_tf") for name in OUTPUTS.values())


def compute(fields, *, jit_compile=False):
    """Returns the maps of the record that holds these inputs."""
    options = EvaluatorOptions(
        center_score_threshold=float(fields["center_threshold"]),
        nms_kernel=int(fields["nms_kernel"]),
        keep_k_centers=int(fields["keep_k_centers"]),
        stuff_area_limit=int(fields["stuff_area_limit"]),
    )
    info = classes_of(fields, fields["semantic_probabilities"].shape[-1])
    postprocess = tf.function(
        POSTPROCESSORS.get("center_offset")(options, info), jit_compile=jit_compile
    )
    result = postprocess(
        Prediction(
            semantic_probs=tf.constant(fields["semantic_probabilities"]),
            center_heatmap=tf.constant(fields["center_heatmap"][..., 0]),
            offset_map=tf.constant(fields["offset_map"]),
        ),
        tf.zeros([*fields["offset_map"].shape[:3], 3]),
    )
    return {name: np.asarray(getattr(result, field)) for field, name in OUTPUTS.items()}


def check(record, _, *, jit_compile=False):
    """Compares every map, value by value."""
    computed = compute(record.fields, jit_compile=jit_compile)
    compare(record.fields, computed, (*INPUTS, *FALLBACK))
