import itertools

import numpy as np
import pytest

from deeplab.datasets import DATASETS
from deeplab.visualization.colors import (
    instance_color,
    panoptic_colors,
    segment_color,
    semantic_colors,
)
from tests.visualization import scene


def test_classes_get_their_colour_and_void_black():
    classes = np.array([[0, 3], [255, 2]])
    colors = semantic_colors(classes, scene.info())
    assert colors.dtype == np.uint8
    np.testing.assert_array_equal(colors[0], [[128, 64, 128], [220, 20, 60]])
    np.testing.assert_array_equal(colors[1], [[0, 0, 0], [0, 0, 142]])


def test_an_id_without_class_is_black():
    assert not semantic_colors(np.array([[17]]), scene.info()).any()
    assert not panoptic_colors(np.array([[17005]]), scene.info()).any()


def test_stuff_and_crowds_keep_the_class_colour_and_instances_do_not():
    info = scene.info()
    assert segment_color(1000, info) == (70, 130, 180)
    assert segment_color(3000, info) == (220, 20, 60)
    assert segment_color(3001, info) != segment_color(3002, info) != (220, 20, 60)


def test_an_instance_has_one_colour_whatever_else_is_in_the_picture():
    info = scene.info()
    alone = panoptic_colors(np.full((2, 2), 2002), info)
    among = panoptic_colors(scene.labels(), info)[scene.labels() == 2002]
    assert (alone == among[0]).all()
    assert (among == among[0]).all()


@pytest.mark.parametrize("name", ["cityscapes_panoptic", "coco_panoptic", "toy_street"])
def test_twenty_instances_of_a_class_differ_visibly(name):
    for one in DATASETS.get(name)().info.classes:
        if one.is_thing:
            shades = [np.array(instance_color(one.color, i)) for i in range(1, 21)]
            for a, b in itertools.combinations(shades, 2):
                assert np.abs(a - b).max() >= 4, (one.name, a, b)
            assert min(s.max() for s in shades) > 100, "too dark over an image"
