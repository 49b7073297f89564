import functools

import numpy as np
import pytest
import tensorflow as tf

from deeplab.data.autoaugment import POLICIES, autoaugment

NAME = "simple_classification_policy"
IMAGE = np.random.default_rng(0).integers(0, 256, (24, 33, 3)).astype(np.float32)


@functools.cache
def augmented(name=NAME):
    """Returns 300 draws of a policy on the image."""
    seeds = tf.data.Dataset.range(300).map(
        lambda i: tf.stack([1, tf.cast(i, tf.int32)])
    )
    images = seeds.map(lambda seed: autoaugment(tf.constant(IMAGE), seed, name))
    return np.array(list(images.as_numpy_iterator()))


def test_policy_is_the_published_one():
    """Operations, chances and levels, from the published table of indices."""
    table = [
        [8, 2, 7, 7, 1, 10],
        [1, 0, 9, 6, 1, 10],
        [8, 1, 9, 5, 1, 9],
        [4, 1, 7, 1, 3, 9],
        [8, 1, 1, 1, 1, 7],
    ]
    operations = {
        1: "Equalize",
        4: "Solarize",
        5: "Color",
        6: "Contrast",
        7: "Brightness",
        8: "Sharpness",
    }
    for name, factor in ((NAME, 1), (f"{NAME}_magnitude_scale_0.2", 0.2)):
        for pair, row in zip(POLICIES[name], table, strict=True):
            for step, (operation, chance, level) in zip(
                pair, (row[:3], row[3:]), strict=True
            ):
                assert step.operation == operations[operation]
                assert step.probability == pytest.approx(chance / 5)
                assert step.level == pytest.approx(level * factor)


def test_every_pair_is_drawn():
    """Probability that nothing happens, averaged over the five pairs.

    (0.6 * 0.8 + 1 * 0.8 + 0.8 * 0.8 + 0.8 * 0.4 + 0.8 * 0.8) / 5 = 0.576.
    """
    images = augmented()
    unchanged = (images == IMAGE).all((1, 2, 3)).mean()
    assert 0.52 < unchanged < 0.63
    # Two sharpness levels, brightness, contrast, colour, solarize, equalize, pairs.
    assert len(np.unique(images, axis=0)) >= 8


def test_solarize_is_among_the_results():
    """Level 7: pixels from int(0.7 * 256) = 179 on are inverted."""
    solarized = np.where(IMAGE < 179, IMAGE, 255 - IMAGE)
    images = augmented()
    assert (images == solarized).all((1, 2, 3)).any()


def test_weak_policy_changes_less():
    strong, weak = (
        np.abs(augmented(name) - IMAGE).mean()
        for name in (NAME, f"{NAME}_magnitude_scale_0.2")
    )
    assert 0 < weak != strong


def test_equal_seeds_give_equal_images():
    first, second = (
        autoaugment(tf.constant(IMAGE), tf.constant([9, 9]), NAME) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_result_is_whole_numbers():
    images = augmented()
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, np.clip(np.round(images), 0, 255))


def test_unknown_policy_lists_the_known():
    with pytest.raises(ValueError, match=r"'v0': choose one of simple_classification"):
        autoaugment(tf.constant(IMAGE), tf.constant([0, 0]), "v0")
