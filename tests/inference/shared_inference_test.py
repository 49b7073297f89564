from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from deeplab.inference.shared_inference import SharedInference


class Pair(NamedTuple):
    twice: tf.Tensor
    absent: tf.Tensor | None = None


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("use_tf_function", [True, False])
def test_any_batch_comes_back_whole_and_in_order(
    devices, use_tf_function, two_replicas
):
    strategy = tf.distribute.get_strategy()
    if devices == 2:
        strategy = two_replicas
    traces = []

    def double(batch):
        traces.append(batch["x"].shape)
        return Pair(twice=2 * batch["x"]), batch["x"][:, 0]

    with strategy.scope():
        shared = SharedInference(double, use_tf_function)
    # Largest first: the smaller ones take the same graph.
    for count in (5, 1, 3, 4):
        x = np.arange(2.0 * count).reshape(count, 2)
        outputs, first = shared({"x": tf.constant(x)})
        np.testing.assert_array_equal(outputs.twice, 2 * x)
        assert outputs.absent is None
        np.testing.assert_array_equal(first, x[:, 0])
    if use_tf_function:
        assert set(traces) == {(-(-5 // devices), 2)}
