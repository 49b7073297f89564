import numpy as np
import pytest
import tensorflow as tf

from deeplab.ops.heatmaps import gaussian_peaks


def oracle(centers, height, width, sigma):
    """The highest exp(-d^2 / 2 sigma^2) of the centres at most 3 sigma + 1 away."""
    heatmap = np.zeros((height, width))
    for y, x in centers:
        for i in range(height):
            for j in range(width):
                if max(abs(i - y), abs(j - x)) <= 3 * sigma + 1:
                    square = (i - y) ** 2 + (j - x) ** 2
                    value = np.exp(-square / (2 * sigma**2))
                    heatmap[i, j] = max(heatmap[i, j], value)
    return heatmap


@pytest.mark.parametrize("sigma", [1, 2.0, 8])
@pytest.mark.parametrize("graph", [False, True])
def test_equals_the_definition(sigma, graph):
    centers = [(0, 0), (3, 20), (3, 22), (16, 39)]
    function = tf.function(gaussian_peaks) if graph else gaussian_peaks
    heatmap = function(tf.constant(centers), 17, 40, sigma)
    np.testing.assert_allclose(heatmap, oracle(centers, 17, 40, sigma), atol=1e-6)


def test_peak_is_one_and_a_neighbour_as_the_formula_says():
    """exp(-1 / (2 * 2^2)) = 0.8824969."""
    heatmap = gaussian_peaks(tf.constant([[5, 6]]), 11, 13, 2.0).numpy()
    assert heatmap[5, 6] == 1.0
    np.testing.assert_allclose(heatmap[4, 6], 0.8824969, rtol=1e-6)


def test_no_centre_gives_zeros():
    heatmap = gaussian_peaks(tf.zeros([0, 2], tf.int32), 4, 5, 8.0).numpy()
    np.testing.assert_array_equal(heatmap, np.zeros((4, 5)))


def test_refuses_a_flat_gaussian():
    with pytest.raises(ValueError, match=r"sigma 0\.0"):
        gaussian_peaks(tf.constant([[0, 0]]), 3, 3, 0.0)
