"""The assignment against SciPy's, on every shape, with ties and without sense."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from deeplab.ops.matching import assign_rows


def total(costs, columns):
    """Returns the sum of the costs of an assignment, after checking that it is one."""
    taken = columns[columns >= 0]
    assert len(set(taken.tolist())) == len(taken)
    assert len(taken) == min(costs.shape)
    return costs[np.flatnonzero(columns >= 0), taken].sum()


def assert_least(costs, columns):
    rows, best = linear_sum_assignment(costs)
    least = costs[rows, best].sum()
    scale = max(np.abs(costs).max() * len(rows), 1e-6)
    assert total(costs, columns) - least <= 1e-5 * scale


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 7), (7, 1), (5, 5), (6, 17), (17, 6), (30, 40), (40, 30)]
)
def test_total_is_that_of_scipy(shape):
    rng = np.random.default_rng(0)
    size = (3, *shape)
    kinds = {
        "random": rng.normal(size=size),
        "ties": rng.integers(0, 3, size),
        "equal": np.full(size, -2.5),
        "zero": np.zeros(size),
        "large": 1e6 * rng.random(size),
        # As in training: few masks are like each other.
        "similar": -rng.random(size) * (rng.random(size) < 0.1),
    }
    costs = np.concatenate(list(kinds.values())).astype(np.float32)
    columns = assign_rows(tf.constant(costs)).numpy()
    for cost, column in zip(costs, columns, strict=True):
        assert_least(cost, column)


def test_a_matrix_by_hand():
    """4 + 2 + 1 is the least: row 0 takes its second best, so that row 1 fits."""
    costs = tf.constant([[[1.0, 4.0, 5.0], [2.0, 7.0, 8.0], [9.0, 6.0, 1.0]]])
    np.testing.assert_array_equal(assign_rows(costs), [[1, 0, 2]])


@pytest.mark.parametrize("shape", [(9, 12), (12, 9), (20, 6)])
def test_rows_that_do_not_count_stay_free(shape):
    rng = np.random.default_rng(1)
    costs = rng.normal(size=(4, *shape)).astype(np.float32)
    counts = rng.random((4, shape[0])) < 0.5
    counts[0], counts[1] = False, True
    columns = assign_rows(tf.constant(costs), tf.constant(counts)).numpy()
    assert (columns[~counts] == -1).all()
    for cost, count, column in zip(costs, counts, columns, strict=True):
        if count.any():
            assert_least(cost[count], column[count])


def test_matrices_of_a_batch_are_independent():
    costs = tf.random.stateless_normal([3, 8, 10], [0, 1])
    together = assign_rows(costs)
    for i in range(3):
        np.testing.assert_array_equal(assign_rows(costs[i : i + 1])[0], together[i])


def test_compiles_for_any_batch():
    costs = tf.random.stateless_normal([3, 12, 9], [0, 1])
    counts = tf.random.stateless_uniform([3, 12], [1, 1]) < 0.8
    graph = tf.function(
        assign_rows,
        input_signature=[
            tf.TensorSpec([None, 12, 9]),
            tf.TensorSpec([None, 12], tf.bool),
        ],
    )
    compiled = tf.function(assign_rows, jit_compile=True)
    expected = assign_rows(costs, counts)
    np.testing.assert_array_equal(graph(costs, counts), expected)
    np.testing.assert_array_equal(compiled(costs, counts), expected)


def test_costs_without_sense_come_to_an_end():
    costs = np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32)
    costs[0, 1], costs[1, :, 2] = np.nan, np.inf
    columns = assign_rows(tf.constant(costs)).numpy()
    finite = np.where(np.isfinite(costs), costs, 0)
    for cost, column in zip(finite, columns, strict=True):
        assert_least(cost, column)


def test_passes_no_gradient():
    costs = tf.random.stateless_normal([1, 3, 4], [0, 1])
    with tf.GradientTape() as tape:
        tape.watch(costs)
        chosen = tf.gather(costs, assign_rows(costs), batch_dims=2)
    gradient = tape.gradient(chosen, costs)
    assert np.sum(gradient) == 3
