"""The published matching and ours agree where the costs differ clearly."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.ops.matching import assign_rows
from tests.parity.published_matching import published_assignment


@pytest.mark.parametrize("shape", [(2, 5, 9), (2, 9, 6), (3, 6, 6)])
def test_matchings_agree_where_costs_differ_clearly(shape):
    rng = np.random.default_rng(0)
    costs = -rng.random(shape, np.float32)
    counts = rng.random(shape[:2]) < 0.6
    np.testing.assert_array_equal(
        published_assignment(costs, counts), assign_rows(costs, tf.constant(counts))
    )
