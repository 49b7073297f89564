import colorsys

import numpy as np
import pytest
import tensorflow as tf

from deeplab.data.photometric import (
    ColorChange,
    ColorRanges,
    change_color,
    random_color_change,
)

IMAGE = np.random.default_rng(0).integers(40, 200, (7, 9, 3)).astype(np.float32)
NONE = ColorChange(None, None, None, None)


def test_no_range_changes_nothing():
    change = random_color_change(tf.constant([1, 2]), ColorRanges())
    assert change == NONE
    np.testing.assert_array_equal(change_color(tf.constant(IMAGE), change), IMAGE)


def test_brightness_adds_a_fraction_of_255():
    changed = change_color(tf.constant(IMAGE), NONE._replace(brightness=0.1))
    np.testing.assert_allclose(changed, IMAGE + 25.5, atol=1e-3)


def test_contrast_scales_about_the_mean_of_each_channel():
    changed = change_color(tf.constant(IMAGE), NONE._replace(contrast=0.5))
    mean = IMAGE.mean((0, 1))
    np.testing.assert_allclose(changed, (IMAGE + mean) / 2, atol=1e-3)


@pytest.mark.parametrize("field", ["saturation", "hue"])
def test_saturation_and_hue_follow_their_definition(field):
    value = {"saturation": 0.5, "hue": 0.25}[field]
    changed = change_color(
        tf.constant(IMAGE), NONE._replace(**{field: tf.constant(value)})
    )
    for pixel, result in zip(
        IMAGE.reshape(-1, 3), changed.numpy().reshape(-1, 3), strict=True
    ):
        hue, saturation, level = colorsys.rgb_to_hsv(*pixel / 255)
        if field == "saturation":
            expected = colorsys.hsv_to_rgb(hue, saturation * value, level)
        else:
            expected = colorsys.hsv_to_rgb((hue + value) % 1, saturation, level)
        np.testing.assert_allclose(result, np.array(expected) * 255, atol=0.01)


def test_result_is_clipped():
    changed = change_color(tf.constant(IMAGE), NONE._replace(brightness=0.9)).numpy()
    assert changed.max() == 255
    assert (
        change_color(tf.constant(IMAGE), NONE._replace(brightness=-0.9))[0, 0, 0] == 0
    )


def test_draws_fill_their_ranges_and_repeat_with_the_seed():
    ranges = ColorRanges(0.1, 0.2, 0.3, 0.4)
    drawn = np.array(
        [
            [float(v) for v in random_color_change(tf.constant([5, i]), ranges)]
            for i in range(200)
        ]
    )
    low, high = np.array([-0.1, 0.8, 0.7, -0.4]), np.array([0.1, 1.2, 1.3, 0.4])
    assert (drawn.min(0) >= low).all()
    assert (drawn.max(0) <= high).all()
    assert (np.ptp(drawn, axis=0) > 0.9 * (high - low)).all()
    again = [float(v) for v in random_color_change(tf.constant([5, 0]), ranges)]
    np.testing.assert_array_equal(drawn[0], again)


@pytest.mark.parametrize(
    ("name", "value"), [("brightness", -0.1), ("contrast", 1.5), ("hue", 0.6)]
)
def test_impossible_ranges_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} delta {value}: choose 0 to"):
        ColorRanges(**{name: value})
