import numpy as np
import pytest
import tensorflow as tf

from deeplab.data import geometry
from deeplab.data.geometry import Resizing
from tests.data.resampling import IMAGE, LABEL, resized_image, resized_label


@pytest.mark.parametrize(
    ("size", "minimum", "maximum", "factor", "expected"),
    [
        ((480, 640), (), (), 0, (480, 640)),
        ((480, 640), (0, 0), (0,), 0, (480, 640)),
        # The shorter side reaches 240, the longer one follows.
        ((480, 640), (240,), (), 0, (240, 320)),
        # Both sides reach their minimum: 960 / 480 = 2 > 640 / 640.
        ((480, 640), (960, 640), (), 0, (960, 1280)),
        ((480, 640), (), (320, 320), 0, (240, 320)),
        # A maximum never enlarges.
        ((480, 640), (), (1000, 1000), 0, (480, 640)),
        # 118 -> 65, 196 -> 107; then 107 -> 97, 65 -> 58.9.
        ((118, 196), (65, 97), (65, 97), 0, (58, 97)),
        # Rounded up to k * 32 + 1.
        ((480, 640), (), (), 32, (481, 641)),
        ((481, 641), (), (), 32, (481, 641)),
        # The maximum is first lowered from 340 to 321.
        ((480, 640), (), (340, 340), 32, (257, 321)),
        ((1, 1000), (), (10, 10), 0, (1, 10)),
    ],
)
def test_size_in_range(size, minimum, maximum, factor, expected):
    resizing = Resizing(None, 32, minimum, maximum, factor)
    result = geometry.size_in_range(tf.constant(size), resizing)
    assert tuple(result.numpy()) == expected


def test_three_resize_values_are_refused():
    with pytest.raises(ValueError, match="height and width"):
        Resizing(None, 32, min_resize_value=(1, 2, 3))


@pytest.mark.parametrize(
    ("size", "crop", "stride", "expected"),
    [
        ((37, 53), (65, 97), 32, (65, 97)),
        ((65, 97), (65, 97), 32, (65, 97)),
        # Larger than the crop: the next k * 32 + 1, side by side.
        ((66, 53), (65, 97), 32, (97, 97)),
        ((37, 200), (65, 97), 32, (65, 225)),
        ((37, 53), None, 16, (49, 65)),
        ((33, 65), None, 16, (33, 65)),
        ((1, 1), None, 16, (1, 1)),
    ],
)
def test_inference_pads_to_the_crop_or_to_the_stride(size, crop, stride, expected):
    image = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    padded, resized = geometry.preprocess_for_inference(
        tf.constant(image), Resizing(crop, stride)
    )
    assert tuple(padded.shape[:2]) == expected
    assert tuple(resized.numpy()) == size
    np.testing.assert_array_equal(padded[: size[0], : size[1]], image)
    outside = np.ones(expected, bool)
    outside[: size[0], : size[1]] = False
    assert (padded.numpy()[outside] == geometry.MEAN_PIXEL[0]).all()


def test_inference_resizes_to_the_range():
    resizing = Resizing((65, 97), 32, (65, 97), (65, 97))
    padded, resized = geometry.preprocess_for_inference(tf.constant(IMAGE), resizing)
    assert tuple(resized.numpy()) == (65, 94)
    expected = resized_image(IMAGE, (65, 94))
    np.testing.assert_allclose(padded[:65, :94], expected, atol=1e-5)
    label = geometry.resize_label(tf.constant(LABEL), resized)
    np.testing.assert_array_equal(label, resized_label(LABEL, (65, 94)))


def test_images_are_padded_with_any_pixel():
    image = tf.fill([1, 2, 6], 9.0)
    padded = geometry.pad(image, (2, 3), (1.0, 2.0, 3.0)).numpy()
    np.testing.assert_array_equal(padded[0, :2], 9.0)
    frames = [1, 2, 3, 1, 2, 3]
    np.testing.assert_array_equal(padded[0, 2], frames)
    np.testing.assert_array_equal(padded[1], [frames] * 3)
