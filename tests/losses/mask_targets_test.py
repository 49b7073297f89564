import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Example
from deeplab.losses.mask_targets import MaskLayout, area_logits
from tests.losses import mask_scene
from tests.numbered import label_space


def test_masks_of_the_row():
    targets = mask_scene.LAYOUT.targets(mask_scene.example(), (1, 4))
    np.testing.assert_array_equal(targets.number, [[0, -1, 2, -1]])
    np.testing.assert_array_equal(targets.is_thing, [[True, False, False, False]])
    np.testing.assert_array_equal(targets.is_void, [[False, False, False, True]])
    # The second thing and the second stuff class are not there.
    np.testing.assert_array_equal(targets.area, [[1, 0, 1, 0]])
    np.testing.assert_array_equal(targets.channel, [[0, -1, 1, -1]])


def test_a_mask_that_falls_between_the_pixels_is_not_there():
    """Of columns 0 to 4, a map of three has 0, 2 and 4."""
    example = Example(
        image=None,
        semantic_gt=tf.constant([[[0, 2, 0, 1, 1]] * 5]),
        thing_id_mask_gt=tf.constant([[[-1, 0, -1, -1, -1]] * 5]),
        thing_id_class_gt=tf.constant([[2]]),
    )
    targets = mask_scene.LAYOUT.targets(example, (3, 3))
    np.testing.assert_array_equal(targets.number, [[1, 1, 2] * 3])
    np.testing.assert_array_equal(targets.area, [[0, 6, 3]])
    np.testing.assert_array_equal(targets.channel, [[-1, 1, 2]])


def test_void_among_the_classes():
    """As in COCO, void is class 0 and has no channel."""
    layout = MaskLayout(label_space(3, things=(1,), ignore_label=0))
    example = Example(
        image=None,
        semantic_gt=tf.constant([[[0, 1, 2]]]),
        thing_id_mask_gt=tf.constant([[[-1, 0, -1]]]),
        thing_id_class_gt=tf.constant([[1]]),
    )
    targets = layout.targets(example, (1, 3))
    assert layout.num_classes == 2
    np.testing.assert_array_equal(targets.number, [[-1, 0, 1]])
    np.testing.assert_array_equal(targets.is_void, [[True, False, False]])
    np.testing.assert_array_equal(targets.channel, [[0, 1]])


def test_small_masks_are_as_likely_as_large_ones_at_temperature_one():
    example = Example(
        image=None,
        semantic_gt=tf.constant([[[0, 0, 0, 1, 255]]]),
        thing_id_mask_gt=tf.constant([[[-1] * 5]]),
        thing_id_class_gt=tf.constant([[-1]]),
    )
    targets = mask_scene.LAYOUT.targets(example, (1, 5))
    probs = tf.nn.softmax(area_logits(targets, 1.0))
    np.testing.assert_allclose(probs, [[1 / 6, 1 / 6, 1 / 6, 1 / 2, 0]], rtol=1e-5)
    probs = tf.nn.softmax(area_logits(targets, 0.0))
    np.testing.assert_allclose(probs, [[1 / 4, 1 / 4, 1 / 4, 1 / 4, 0]], rtol=1e-5)


def test_examples_without_masks_are_refused():
    example = mask_scene.example()._replace(thing_id_mask_gt=None)
    with pytest.raises(ValueError, match="thing_id_mask_annotations"):
        mask_scene.LAYOUT.targets(example, (1, 4))
