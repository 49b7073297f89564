"""Training passes of mask transformers: every term is as published, as are gradients.

With random weights all masks fit about equally badly, and the rounding of the published
matching decides who belongs to whom: here `published_matching` takes the place of
`deeplab.ops.matching`, which `tests/ops/matching_test.py` holds to the best matching.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.losses import mask_matching
from deeplab.ops.matching import assign_rows
from tests.parity import parity
from tests.parity.published_matching import published_assignment
from tests.parity.train_test import check_training_pass

RECORDS = Path(__file__).parent / "records/train"


@pytest.mark.parametrize("shape", [(2, 5, 9), (2, 9, 6), (3, 6, 6)])
def test_matchings_agree_where_costs_differ_clearly(shape):
    rng = np.random.default_rng(0)
    costs = -rng.random(shape, np.float32)
    counts = rng.random(shape[:2]) < 0.6
    np.testing.assert_array_equal(
        published_assignment(costs, counts), assign_rows(costs, tf.constant(counts))
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "coco__kmax_deeplab__kmax_meta_r50_os32",
        "coco__max_deeplab__max_deeplab_s_os16_res641_100k",
    ],
)
def test_published_training_pass(name, tmp_path, monkeypatch):
    def assign(costs, counts):
        columns = tf.numpy_function(published_assignment, [costs, counts], tf.int32)
        return tf.ensure_shape(columns, counts.shape)

    monkeypatch.setattr(mask_matching, "assign_rows", assign)
    record = parity.read_record(RECORDS / f"{name}.json.gz")
    check_training_pass(record, tmp_path)
