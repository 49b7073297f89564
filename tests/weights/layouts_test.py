import numpy as np
import pytest

from deeplab.weights import layouts


def test_as_stored():
    array = np.arange(6).reshape(2, 3)
    assert layouts.AS_STORED.array(array) is array
    assert layouts.AS_STORED.shape((2, 3)) == (2, 3)
    assert layouts.AS_STORED.shape(()) == ()


def test_dense():
    # Two outputs of three inputs.
    stored = np.array([[1, 2, 3], [4, 5, 6]])
    expected = [[1, 4], [2, 5], [3, 6]]
    np.testing.assert_array_equal(layouts.DENSE.array(stored), expected)


def test_convolution():
    # Two outputs, one input, height 2, width 3: output 0 is 0 to 5, output 1 6 to 11.
    stored = np.arange(12).reshape(2, 1, 2, 3)
    kernel = layouts.CONVOLUTION.array(stored)
    assert kernel.shape == (2, 3, 1, 2)
    np.testing.assert_array_equal(kernel[..., 0, 0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(kernel[..., 0, 1], [[6, 7, 8], [9, 10, 11]])


def test_depthwise():
    # A kernel of height 2 and width 1 for each of three channels.
    stored = np.arange(6).reshape(3, 1, 2, 1)
    kernel = layouts.DEPTHWISE.array(stored)
    assert kernel.shape == (2, 1, 3, 1)
    np.testing.assert_array_equal(kernel[:, 0, :, 0], [[0, 2, 4], [1, 3, 5]])


@pytest.mark.parametrize(
    ("layout", "stored"),
    [
        (layouts.CONVOLUTION, (2, 3, 5, 7)),
        (layouts.DEPTHWISE, (2, 1, 5, 7)),
        (layouts.DENSE, (2, 3)),
        (layouts.AS_STORED, (4,)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_shape_is_that_of_the_array(layout, stored):
    assert layout.shape(stored) == layout.array(np.zeros(stored)).shape


@pytest.mark.parametrize("layout", [layouts.CONVOLUTION, layouts.DENSE])
@pytest.mark.parametrize("stored", [(), (3,), (1, 2, 3)])
def test_arrays_of_other_rank_do_not_have_the_layout(layout, stored):
    assert layout.shape(stored) is None
