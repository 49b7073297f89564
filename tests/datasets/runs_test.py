import numpy as np
import pytest

from deeplab.datasets.runs import areas, find_runs


def test_runs_by_hand():
    runs = find_runs(np.array([[3, 3, 1], [1, 1, 3]]))
    assert runs.values.tolist() == [3, 1, 3]
    assert runs.lengths.tolist() == [2, 3, 1]
    assert runs.starts.tolist() == [0, 2, 5]


def test_one_pixel():
    runs = find_runs(np.array([[7]]))
    assert [a.tolist() for a in runs] == [[7], [1], [0]]


@pytest.mark.parametrize("seed", range(5))
def test_areas_equal_a_count_of_every_pixel(seed):
    array = np.random.default_rng(seed).integers(0, 5, (17, 23)).astype(np.int32)
    values, pixels, first = areas(find_runs(array))
    expected, index, count = np.unique(array, return_index=True, return_counts=True)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(pixels, count)
    np.testing.assert_array_equal(first, index)
