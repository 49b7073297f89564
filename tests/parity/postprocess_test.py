"""The post-processing equals the published one, with the compiled merge."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

RECORD = Path(__file__).parent / "records/components/postprocess_panoptic_deeplab.npz"
OUTPUTS = {
    "panoptic_pred": "panoptic_op",
    "semantic_pred": "semantic_op",
    "instance_pred": "instance_op",
    "instance_center_pred": "instance_center_op",
    "instance_scores": "instance_score_op",
}


@pytest.fixture(scope="module")
def record():
    with np.load(RECORD) as file:
        return dict(file)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_equals_published(record, jit_compile):
    things = record["thing_classes"].tolist()
    info = DatasetInfo(
        name="record",
        classes=tuple(
            ClassInfo(i, str(i), i in things, (0, 0, 0), i) for i in range(19)
        ),
        num_classes=19,
        ignore_label=255,
        label_divisor=1000,
    )
    options = EvaluatorOptions(
        center_score_threshold=float(record["center_threshold"]),
        nms_kernel=int(record["nms_kernel"]),
        keep_k_centers=int(record["keep_k_centers"]),
        stuff_area_limit=int(record["stuff_area_limit"]),
    )
    postprocess = tf.function(
        POSTPROCESSORS.get("center_offset")(options, info), jit_compile=jit_compile
    )
    result = postprocess(
        Prediction(
            semantic_probs=tf.constant(record["semantic_probabilities"]),
            center_heatmap=tf.constant(record["center_heatmap"][..., 0]),
            offset_map=tf.constant(record["offset_map"]),
        )
    )
    for field, name in OUTPUTS.items():
        np.testing.assert_array_equal(getattr(result, field), record[name], name)
