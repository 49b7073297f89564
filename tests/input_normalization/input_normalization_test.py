"""What the networks see, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.input_normalization import INPUT_NORMALIZATIONS

PIXEL = (255.0, 0.0, 51.0)
NORMALIZED = {
    # x / 127.5 - 1.
    "deeplab": (1.0, -1.0, -0.6),
    # (1 - 0.485) / 0.229; (0 - 0.456) / 0.224; (0.2 - 0.406) / 0.225.
    "imagenet": (2.2489083, -2.0357143, -0.9155556),
    # Blue, green, red: 51 - 104.008; 0 - 116.669; 255 - 122.675.
    "caffe": (-53.008, -116.669, 132.325),
}


def image(*channels, dtype=tf.float32):
    """Returns an image of one pixel."""
    return tf.cast(tf.constant([[[channels]]]), dtype)


@pytest.mark.parametrize("dtype", [tf.float32, tf.uint8])
@pytest.mark.parametrize("name", NORMALIZED)
def test_a_pixel(name, dtype):
    seen = INPUT_NORMALIZATIONS.get(name)(image(*PIXEL, dtype=dtype))
    assert seen.dtype == tf.float32
    np.testing.assert_allclose(np.ravel(seen), NORMALIZED[name], rtol=1e-5)


@pytest.mark.parametrize("name", INPUT_NORMALIZATIONS.names())
def test_the_mean_pixel_becomes_zero(name):
    normalize = INPUT_NORMALIZATIONS.get(name)
    seen = normalize(image(*normalize.mean_pixel))
    np.testing.assert_allclose(np.ravel(seen), np.zeros(3), atol=1e-5)


@pytest.mark.parametrize("name", NORMALIZED)
def test_frames_come_one_after_the_other_and_then_a_heatmap(name):
    black = np.ravel(INPUT_NORMALIZATIONS.get(name)(image(0, 0, 0)))
    seen = INPUT_NORMALIZATIONS.get(name)(image(*PIXEL, 0, 0, 0, 0.75 * 255))
    expected = [*NORMALIZED[name], *black, 0.5]
    np.testing.assert_allclose(np.ravel(seen), expected, rtol=1e-5)
