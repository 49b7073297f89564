"""Warped instances against a loop over masks and pixels."""

import numpy as np
import pytest

from deeplab.tracking.optical_flow import warped_pixels


def bilinear(mask, y, x):
    """The value of a mask between its pixels; 0 beyond them."""
    total = 0.0
    for row in (int(np.floor(y)), int(np.floor(y)) + 1):
        for column in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
                weight = (1 - abs(row - y)) * (1 - abs(column - x))
                total += weight * mask[row, column]
    return total


@pytest.mark.parametrize("whole_pixels", [True, False])
def test_equals_interpolated_masks(whole_pixels):
    rng = np.random.default_rng(0)
    index = rng.integers(-1, 3, (7, 9))
    flow = rng.normal(0, 2, (7, 9, 2))
    flow = np.rint(flow) if whole_pixels else flow
    occluded = rng.random((7, 9)) < 0.2
    pixel, instance = warped_pixels(index, flow, occluded)
    found = set(zip(pixel.tolist(), instance.tolist(), strict=True))
    expected = {
        (y * 9 + x, i)
        for i in range(3)
        for y in range(7)
        for x in range(9)
        if not occluded[y, x]
        and bilinear(index == i, y + flow[y, x, 1], x + flow[y, x, 0]) > 0
    }
    assert found == expected
    assert len(pixel) == len(found)


def test_flow_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\[3, 4, 2\] does not fit labels of 4 x 3"):
        warped_pixels(np.zeros((4, 3), int), np.zeros((3, 4, 2)))
