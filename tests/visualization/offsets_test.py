import colorsys

import numpy as np

from deeplab.visualization.offsets import color_wheel, offset_colors


def hue(color):
    return colorsys.rgb_to_hsv(*(c / 255 for c in color))[0]


def test_no_offset_is_white_and_outside_the_mask_is_black():
    offsets = np.zeros((1, 2, 2), np.float32)
    colors = offset_colors(offsets, np.array([[True, False]]))
    np.testing.assert_array_equal(colors[0], [[255, 255, 255], [0, 0, 0]])


def test_hue_is_the_angle_from_right_over_down():
    offsets = np.array([[[0, 1], [1, 0], [0, -1], [-1, 0]]], np.float32)
    hues = [hue(color) for color in offset_colors(offsets)[0]]
    np.testing.assert_allclose(hues, [0.0, 0.25, 0.5, 0.75], atol=0.01)


def test_length_is_relative_to_the_longest_inside_the_mask():
    offsets = np.array([[[0, 2], [0, 4], [0, 400]]], np.float32)
    colors = offset_colors(offsets, np.array([[True, True, False]]))
    np.testing.assert_array_equal(colors[0, 1], [255, 0, 0])
    np.testing.assert_allclose(colors[0, 0], [255, 128, 128], atol=1)


def test_an_empty_mask_gives_a_black_picture():
    assert not offset_colors(np.ones((2, 2, 2)), np.zeros((2, 2), bool)).any()


def test_the_key_agrees_with_the_picture():
    wheel = color_wheel(101)
    assert wheel.shape == (101, 101, 3)
    np.testing.assert_array_equal(wheel[50, 50], [255, 255, 255])
    np.testing.assert_array_equal(
        wheel[50, 100], offset_colors(np.array([[[0, 1.0]]]))[0, 0]
    )
    assert not wheel[0, 0].any()
