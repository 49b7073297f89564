"""Overlaps counted by run equal overlaps counted by pixel."""

from collections import Counter

import numpy as np
import pytest

from deeplab.metrics.overlaps import grouped, overlap_areas


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (13, 17)])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
@pytest.mark.parametrize("labels", [1, 2, 200])
def test_equals_counting_pixels(shape, dtype, labels):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, labels, (2, *shape)).astype(dtype)
    a, b, areas = overlap_areas(first, second)
    expected = Counter(
        zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)
    )
    assert list(zip(a.tolist(), b.tolist(), areas.tolist(), strict=True)) == [
        (*pair, area) for pair, area in sorted(expected.items())
    ]


def test_labels_use_all_of_int32():
    first = np.array([[0, 2**31 - 1, -(2**31)]], np.int32)
    second = np.array([[-1, -(2**31), 2**31 - 1]], np.int32)
    a, b, areas = overlap_areas(first, second)
    assert a.tolist() == [-(2**31), 0, 2**31 - 1]
    assert b.tolist() == [2**31 - 1, -1, -(2**31)]
    assert areas.tolist() == [1, 1, 1]


@pytest.mark.parametrize("lowest", [-3, 0, 254_000])
@pytest.mark.parametrize("count", [5, 400])
def test_many_labels_close_to_each_other(lowest, count):
    """400 x 400 possible pairs are too many to be counted in a table."""
    rng = np.random.default_rng(count)
    first, second = lowest + rng.integers(0, count, (2, 20, 60)).astype(np.int32)
    a, b, areas = overlap_areas(first, second)
    pairs, expected = np.unique(
        np.stack([first.ravel(), second.ravel()]), axis=1, return_counts=True
    )
    np.testing.assert_array_equal([a, b], pairs)
    np.testing.assert_array_equal(areas, expected)
    assert a.dtype == b.dtype == areas.dtype == np.int64


def test_maps_that_are_views():
    first = np.arange(24, dtype=np.int32).reshape(4, 6)[:, ::2]
    a, _, areas = overlap_areas(first, np.zeros_like(first))
    assert a.tolist() == sorted(first.ravel().tolist())
    assert areas.tolist() == [1] * 12


def test_grouped():
    distinct, index, areas = grouped(np.array([5, 3, 5]), np.array([1, 2, 4]))
    assert distinct.tolist() == [3, 5]
    assert index.tolist() == [1, 0, 1]
    assert areas.tolist() == [2, 5]
