import numpy as np
import pytest

from deeplab.visualization import overlay
from deeplab.visualization.names import draw_names
from deeplab.visualization.segments import find_segments
from tests.visualization import scene


def test_outlines_are_the_pixels_beside_another_label():
    panoptic = np.zeros((5, 6), np.int32)
    panoptic[1:4, 1:5] = 2001
    rim = overlay.outlines(panoptic, panoptic > 0, 1)
    expected = np.zeros((5, 6), bool)
    expected[1:4, 1:5] = True
    expected[2, 2:4] = False
    np.testing.assert_array_equal(rim, expected)


def test_touching_instances_are_told_apart_by_a_line():
    panoptic, info = scene.labels(), scene.info()
    flat = np.full((*panoptic.shape, 3), 128, np.uint8)
    picture = overlay.panoptic_overlay(flat, panoptic, info)
    assert (picture[11:33, 23:25] == 255).all()


def test_void_shows_the_image_in_grey_and_classes_in_their_hue():
    panoptic, info = scene.labels(), scene.info()
    grey = np.full((*panoptic.shape, 3), 100, np.uint8)
    picture = overlay.panoptic_overlay(grey, panoptic, info)
    np.testing.assert_array_equal(picture[-1, 50], [60, 60, 60])
    # 0.4 * 100 + 0.6 * (128, 64, 128).
    np.testing.assert_array_equal(picture[-6, 1], [117, 78, 117])
    classes = overlay.semantic_overlay(grey, panoptic // 1000, info)
    np.testing.assert_array_equal(classes[-6, 1], [117, 78, 117])
    np.testing.assert_array_equal(classes[-1, 50], [60, 60, 60])


def test_the_image_shines_through():
    panoptic, info = scene.labels(), scene.info()
    dark = overlay.panoptic_overlay(np.zeros((48, 96, 3), np.uint8), panoptic, info)
    light = overlay.panoptic_overlay(
        np.full((48, 96, 3), 255, np.uint8), panoptic, info
    )
    assert (light[2, 2].astype(int) - dark[2, 2] > 90).all()


def test_names_stay_inside_their_segments_and_out_of_small_ones():
    panoptic, info = scene.labels(), scene.info()
    blank = np.full((*panoptic.shape, 3), 90, np.uint8)
    segments = find_segments(panoptic, info)
    written = (draw_names(blank, panoptic, segments) != blank).any(-1)
    named = {int(label) for label in np.unique(panoptic[written])}
    # The person is ten pixels wide, the crowd eight high, the sky ten above the cars.
    assert named == {0, 2001, 2002}
    for segment in segments:
        alone = (draw_names(blank, panoptic, [segment]) != blank).any(-1)
        assert not (alone & (panoptic != segment.id)).any(), segment.class_name


def test_heatmap_is_grey_at_zero_and_yellow_at_one():
    heatmap = np.array([[0.0, 1.0, 0.5]])
    picture = overlay.heatmap_overlay(np.full((1, 3, 3), 200, np.uint8), heatmap)
    np.testing.assert_array_equal(picture[0, 0], [140, 140, 140])
    np.testing.assert_array_equal(picture[0, 1], [255, 255, 102])
    assert picture[0, 2, 0] > picture[0, 2, 1] > picture[0, 2, 2]


@pytest.mark.parametrize(
    "draw",
    [
        lambda image, values: overlay.semantic_overlay(image, values, scene.info()),
        lambda image, values: overlay.panoptic_overlay(image, values, scene.info()),
        overlay.heatmap_overlay,
    ],
)
def test_sizes_that_differ_are_refused(draw):
    with pytest.raises(ValueError, match=r"\[48, 96, 3\].*\[48, 95\] differ in size"):
        draw(scene.image(), np.zeros((48, 95), np.int32))


def test_an_image_of_one_pixel():
    picture = overlay.panoptic_overlay(
        np.zeros((1, 1, 3), np.uint8), np.array([[2001]]), scene.info()
    )
    assert picture.shape == (1, 1, 3)
