"""The masked regression losses, against values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import CenterOffsetOutput, Example
from deeplab.losses.regression import MaskedRegression


def heatmap_loss(target, prediction, weight, error="mse", **options):
    term = MaskedRegression(
        prediction="center_heatmap",
        target="instance_center_gt",
        weight="center_loss_weight",
        error=error,
        **options,
    )
    example = Example(
        image=None,
        instance_center_gt=tf.constant(target, tf.float32),
        center_loss_weight=tf.constant(weight, tf.float32),
    )
    output = CenterOffsetOutput(None, tf.constant(prediction, tf.float32), None)
    return term(example, output).numpy()


def offset_loss(target, prediction, weight, error="l1"):
    term = MaskedRegression(
        prediction="offset_map",
        target="instance_regression_gt",
        weight="regression_loss_weight",
        error=error,
    )
    example = Example(
        image=None,
        instance_regression_gt=tf.constant(target, tf.float32),
        regression_loss_weight=tf.constant(weight, tf.float32),
    )
    return term(example, CenterOffsetOutput(None, None, tf.constant(prediction)))


@pytest.mark.parametrize("channel", [False, True])
def test_squared_error_of_the_heatmap(channel):
    """((1 - 3)^2 * 2 + (0 - 1)^2 * 1) / 2: a weight of 0 and an error of 0 drop out."""
    prediction = np.array([[[3.0, 1.0], [9.0, 5.0]]])
    value = heatmap_loss(
        target=[[[1.0, 0.0], [1.0, 5.0]]],
        prediction=prediction[..., None] if channel else prediction,
        weight=[[[2.0, 1.0], [0.0, 1.0]]],
    )
    np.testing.assert_allclose(value, [(4 * 2 + 1) / 2], rtol=1e-6)


def test_absolute_error_of_the_offsets_is_the_mean_of_both_channels():
    """((|1| + |-3|) / 2 + (|2| + |0|) / 2) / 2 pixels of weight 1."""
    value = offset_loss(
        target=[[[[1.0, 0.0], [2.0, 4.0], [7.0, 7.0]]]],
        prediction=[[[[0.0, 3.0], [0.0, 4.0], [0.0, 0.0]]]],
        weight=[[[1.0, 1.0, 0.0]]],
    )
    np.testing.assert_allclose(value, [(2 + 1) / 2], rtol=1e-6)


def test_squared_error_of_the_offsets():
    """(1^2 + 3^2) / 2 at the only pixel."""
    value = offset_loss(
        [[[[1.0, 0.0]]]], [[[[0.0, 3.0]]]], weight=[[[1.0]]], error="mse"
    )
    np.testing.assert_allclose(value, [5.0], rtol=1e-6)


def test_top_k_keeps_the_largest_errors():
    """Of |errors| 4, 3, 2, 1 the half: (4 + 3) / 2."""
    value = heatmap_loss(
        np.zeros([1, 2, 2]),
        [[[1.0, 4.0], [3.0, 2.0]]],
        np.ones([1, 2, 2]),
        error="l1",
        top_k_fraction=0.5,
    )
    np.testing.assert_allclose(value, [3.5], rtol=1e-6)


@pytest.mark.parametrize("error", ["l1", "mse"])
def test_no_weight_costs_nothing_and_moves_nothing(error):
    term = MaskedRegression(
        prediction="offset_map",
        target="instance_regression_gt",
        weight="regression_loss_weight",
        error=error,
    )
    example = Example(
        image=None,
        instance_regression_gt=tf.zeros([2, 3, 3, 2]),
        regression_loss_weight=tf.zeros([2, 3, 3]),
    )
    offsets = tf.random.stateless_normal([2, 3, 3, 2], [0, 0])
    with tf.GradientTape() as tape:
        tape.watch(offsets)
        value = term(example, CenterOffsetOutput(None, None, offsets))
    assert value.numpy().tolist() == [0.0, 0.0]
    assert not np.any(tape.gradient(value, offsets))
