"""The majority vote by hand. Classes 0 and 1 are stuff, 2 and 3 are things."""

import pytest
import tensorflow as tf

from deeplab.postprocess.merging import merge_maps
from tests.numbered import label_space


def merged(semantic, instance, divisor=10, limit=0):
    return (
        merge_maps(
            tf.constant([semantic]),
            tf.constant([instance]),
            max_instance=5,
            labels=label_space(4, (2, 3), ignore_label=7, label_divisor=divisor),
            stuff_area_limit=limit,
        )[0]
        .numpy()
        .tolist()
    )


def test_an_instance_takes_the_class_of_most_of_its_pixels():
    assert merged([[2, 3, 3, 0]], [[1, 1, 1, 0]]) == [[31, 31, 31, 0]]


def test_the_lower_class_wins_a_tie():
    assert merged([[3, 2]], [[4, 4]]) == [[21, 21]]


def test_instances_of_a_class_are_numbered_from_the_last_center():
    assert merged([[2, 2, 3, 2]], [[1, 2, 3, 5]]) == [[23, 22, 31, 21]]


def test_instance_0_is_an_instance_like_others():
    assert merged([[2, 2, 0]], [[0, 0, 0]]) == [[21, 21, 0]]


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, [0, 0, 10]), (1, [0, 0, 70]), (2, [70, 70, 70])]
)
def test_stuff_up_to_the_limit_becomes_void(limit, expected):
    assert merged([[0, 0, 1, 2]], [[0, 0, 0, 1]], limit=limit) == [[*expected, 21]]


def test_instances_that_the_divisor_cannot_number_become_void():
    """A divisor of 3 has numbers 1 and 2; the third from the end is void, 7 * 3."""
    assert merged([[2, 2, 2]], [[1, 2, 3]], divisor=3) == [[21, 8, 7]]
