import numpy as np
import pytest
import tensorflow as tf

from deeplab.weights import layouts
from deeplab.weights.checkpoint_keys import SUFFIX
from deeplab.weights.matching import match
from deeplab.weights.name_maps.base import Candidate
from deeplab.weights.readers.base import StoredArray


def stored(array):
    return StoredArray(array.shape, array.dtype, lambda: array)


def of_torch(weight):
    """A map as that of a PyTorch model would be."""
    layer, kind = weight.key.split("/")
    if kind == "kernel":
        is_dense = layer == "dense"
        layout = layouts.DENSE if is_dense else layouts.CONVOLUTION
        yield Candidate(f"{layer}.weight", layout)


@pytest.fixture
def variables():
    return {
        f"conv/kernel{SUFFIX}": tf.Variable(tf.zeros([2, 3, 1, 2])),
        f"dense/kernel{SUFFIX}": tf.Variable(tf.zeros([3, 2])),
    }


def test_map_names_the_layout(variables):
    conv, dense = np.arange(12.0).reshape(2, 1, 2, 3), np.arange(6.0).reshape(2, 3)
    arrays = {"conv.weight": stored(conv), "dense.weight": stored(dense)}
    matches, report = match("x", variables, arrays, [of_torch])
    assert report.is_whole
    assert report.unused == []
    for one in matches:
        one.assign()
    kernel, weight = variables.values()
    np.testing.assert_array_equal(kernel[..., 0, 1], conv[1, 0])
    np.testing.assert_array_equal(weight, dense.T)


def test_shape_is_compared_in_our_layout(variables):
    # As many numbers, and the shape that the variable has, but outputs are first.
    arrays = {"dense.weight": stored(np.zeros([3, 2]))}
    matches, report = match("x", variables, arrays, [of_torch])
    assert not matches
    assert report.skipped == {"dense/kernel": ([2, 3], [3, 2])}
    assert report.missing == ["conv/kernel"]
    # It was looked at, and is listed once.
    assert report.unused == []


def test_the_own_key_comes_first(variables):
    own, other = np.ones([3, 2]), np.zeros([2, 3])
    arrays = {"dense.weight": stored(other), "dense/kernel": stored(own)}
    matches, report = match("x", variables, arrays, [of_torch])
    (one,) = matches
    one.assign()
    np.testing.assert_array_equal(variables[f"dense/kernel{SUFFIX}"], own)
    assert report.unused == ["dense.weight"]


def test_nothing_is_read_before_it_is_assigned(variables):
    def read():
        raise AssertionError("read")

    arrays = {
        "dense.weight": StoredArray((2, 3), np.dtype("f4"), read),
        "conv.weight": StoredArray((2**40,), np.dtype("f4"), read),
    }
    matches, report = match("x", variables, arrays, [of_torch])
    assert len(matches) == 1
    assert report.skipped == {"conv/kernel": ([2**40], [2, 3, 1, 2])}
