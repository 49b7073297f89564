import numpy as np
import pytest

from tests.losses import mask_scene


def test_slots_of_the_row():
    matched = mask_scene.MATCHING(mask_scene.example(), mask_scene.output())
    np.testing.assert_array_equal(matched.slot, [[0, -1, 1, -1]])
    np.testing.assert_array_equal(matched.is_matched, [[True, True]])
    np.testing.assert_array_equal(matched.channel, [[0, 1]])
    np.testing.assert_array_equal(matched.area, [[1, 1]])
    np.testing.assert_allclose(matched.similarity, [mask_scene.SIMILARITY], rtol=1e-4)
    np.testing.assert_allclose(matched.class_prob, [[0.5, 0.5]], rtol=1e-5)
    # Both have half of the void pixel, of 2.05 and 1.95 pixels in all.
    np.testing.assert_allclose(
        matched.void_share, [[0.5 / 2.05, 0.5 / 1.95]], rtol=1e-4
    )


def test_a_slot_too_many_has_no_object():
    first = mask_scene.FIRST
    probs = np.stack([np.full(4, 0.1), 0.9 - 0.9 * first, 0.9 * first], axis=-1)
    classes = mask_scene.CLASSES[[0, 1, 0]]
    matched = mask_scene.MATCHING(
        mask_scene.example(), mask_scene.output(probs, classes)
    )
    np.testing.assert_array_equal(matched.slot, [[2, -1, 1, -1]])
    np.testing.assert_array_equal(matched.is_matched, [[False, True, True]])
    np.testing.assert_array_equal(matched.channel, [[3, 1, 0]])
    for values in (matched.area, matched.similarity, matched.class_prob):
        assert values[0, 0] == 0
    np.testing.assert_allclose(matched.void_share[0, 0], 0.25, rtol=1e-4)


def test_a_mask_too_many_takes_no_part():
    """One slot: the thing is more alike, and the stuff goes without."""
    probs = np.ones([4, 1])
    matched = mask_scene.MATCHING(
        mask_scene.example(), mask_scene.output(probs, mask_scene.CLASSES[:1])
    )
    np.testing.assert_array_equal(matched.slot, [[0, -1, -1, -1]])
    np.testing.assert_array_equal(matched.channel, [[0]])


def test_other_classes_are_refused():
    output = mask_scene.output(classes=mask_scene.CLASSES[:, :3])
    with pytest.raises(ValueError, match="3 channels, but the data set has 3 classes"):
        mask_scene.MATCHING(mask_scene.example(), output)
