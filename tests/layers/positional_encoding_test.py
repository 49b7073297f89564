import numpy as np
import pytest
import tensorflow as tf

from deeplab.layers.positional_encoding import (
    MAX_SPAN,
    RelativePositionalEncoding,
    skewed,
    unskewed,
)


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (5, 5), (4, 10)])
def test_distances_are_moved_to_their_keys_and_back(queries, keys):
    rng = np.random.default_rng(0)
    distances = queries + keys - 1
    products = rng.normal(size=(2, 3, queries, distances)).astype(np.float32)
    weights = rng.normal(size=(2, 3, queries, keys)).astype(np.float32)
    moved = skewed(tf.constant(products), queries).numpy()
    back = unskewed(tf.constant(weights), queries).numpy()
    assert moved.shape == weights.shape
    assert back.shape == products.shape
    expected = np.zeros_like(products)
    for query in range(queries):
        for key in range(keys):
            column = key - query + queries - 1
            np.testing.assert_array_equal(
                moved[:, :, query, key], products[:, :, query, column]
            )
            expected[:, :, query, column] = weights[:, :, query, key]
    np.testing.assert_array_equal(back, expected)


def test_rows_of_the_table_are_distances():
    layer = RelativePositionalEncoding(2, name="rpe")
    table = np.arange(2 * (2 * MAX_SPAN - 1), dtype=np.float32).reshape(-1, 2)
    layer.embeddings.assign(table)
    np.testing.assert_array_equal(layer.within(2), table[MAX_SPAN - 3 : MAX_SPAN + 2])
    far = layer.within(MAX_SPAN + 1).numpy()
    np.testing.assert_array_equal(far[:2], table[[0, 0]])
    np.testing.assert_array_equal(far[2:-2], table)
    np.testing.assert_array_equal(far[-2:], table[[-1, -1]])
