import numpy as np
import pytest
import tensorflow as tf

from deeplab.data.placement import (
    Placement,
    place,
    random_placement,
    random_scale,
    sample_image,
    sample_label,
)
from tests.data.resampling import IMAGE, LABEL, resized_image, resized_label


def placement(resized, origin, shown, padding=(0, 0), flip=False):
    numbers = (tf.constant(v, tf.int32) for v in (resized, origin, shown, padding))
    return Placement(*numbers, tf.constant(flip))


def draws(function, count=300):
    return np.array([function(tf.constant([7, i])).numpy() for i in range(count)])


def test_scales_are_the_steps_between_the_limits():
    scales = draws(lambda seed: random_scale(seed, 0.5, 1.5, 0.25))
    values, counts = np.unique(scales, return_counts=True)
    np.testing.assert_allclose(values, [0.5, 0.75, 1.0, 1.25, 1.5])
    assert counts.min() > 30


def test_scales_without_step_fill_the_range():
    scales = draws(lambda seed: random_scale(seed, 0.5, 2.0, 0.0))
    assert len(np.unique(scales)) > 290
    assert 0.5 <= scales.min() < 0.55
    assert 1.95 < scales.max() < 2.0


def test_one_scale_is_not_drawn():
    assert random_scale(tf.constant([0, 0]), 1.25, 1.25, 0.1) == 1.25


@pytest.mark.parametrize("scales", [(0.0, 1.0, 0.1), (2.0, 1.0, 0.1), (1.0, 2.0, -1.0)])
def test_impossible_scales_are_refused(scales):
    with pytest.raises(ValueError, match="ascending order"):
        random_scale(tf.constant([0, 0]), *scales)


def random_placements(size, scale, crop, flip=True, count=200):
    return [
        tf.nest.map_structure(
            lambda t: t.numpy(),
            random_placement(
                tf.constant([3, i]), tf.constant(size), tf.constant(scale), crop, flip
            ),
        )
        for i in range(count)
    ]


def test_crop_lies_anywhere_in_a_larger_image():
    """An image of 10 x 12 has 4 x 3 places for a crop of 7 x 10."""
    drawn = random_placements((5, 6), 2.0, (7, 10))
    assert {tuple(p.resized) for p in drawn} == {(10, 12)}
    assert {tuple(p.shown) for p in drawn} == {(7, 10)}
    assert {tuple(p.padding) for p in drawn} == {(0, 0)}
    assert {tuple(p.origin) for p in drawn} == set(np.ndindex(4, 3))


def test_smaller_image_lies_anywhere_in_the_crop():
    """As published the margin of 3 rows lies 0 to 2 rows above, never 3."""
    drawn = random_placements((10, 12), 0.5, (8, 6))
    assert {tuple(p.resized) for p in drawn} == {(5, 6)}
    assert {tuple(p.shown) for p in drawn} == {(5, 6)}
    assert {tuple(p.origin) for p in drawn} == {(0, 0)}
    assert {tuple(p.padding) for p in drawn} == {(0, 0), (1, 0), (2, 0)}


def test_half_of_the_images_are_mirrored():
    assert 70 < sum(p.flip for p in random_placements((9, 9), 1.0, (9, 9))) < 130
    unmirrored = random_placements((9, 9), 1.0, (9, 9), flip=False)
    assert not any(p.flip for p in unmirrored)


WINDOWS = [
    # Resized, origin, shown.
    ((37, 53), (5, 7), (20, 30)),
    ((37, 53), (0, 0), (37, 53)),
    ((74, 106), (0, 0), (33, 65)),
    ((74, 106), (41, 41), (33, 65)),
    ((55, 79), (10, 3), (33, 65)),
    ((18, 26), (0, 0), (18, 26)),
    ((29, 40), (3, 5), (17, 33)),
    ((74, 106), (73, 105), (1, 1)),
    ((1, 1), (0, 0), (1, 1)),
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("graph", [False, True])
def test_sampling_equals_resizing_then_cropping(window, flip, graph):
    placed = placement(*window, flip=flip)
    run = tf.function if graph else (lambda function: function)
    image = run(sample_image)(tf.constant(IMAGE), placed).numpy()
    label = run(sample_label)(tf.constant(LABEL), placed).numpy()
    resized, (top, left), (rows, columns) = window
    cut = np.s_[top : top + rows, left : left + columns]
    mirror = np.s_[:, ::-1] if flip else np.s_[:]
    expected = resized_image(IMAGE, resized)[cut][mirror]
    # Noise: neighbours differ by up to 255, positions by rounding errors only.
    np.testing.assert_allclose(image, expected, atol=5e-3)
    np.testing.assert_array_equal(label, resized_label(LABEL, resized)[cut][mirror])


def test_large_image_stays_exact_at_its_far_corner():
    image = np.random.default_rng(2).integers(0, 256, (600, 800, 3)).astype(np.uint8)
    placed = placement((901, 1203), (640, 1000), (261, 203), flip=True)
    expected = resized_image(image, (901, 1203))[640:, 1000:][:, ::-1]
    sampled = sample_image(tf.constant(image), placed)
    np.testing.assert_allclose(sampled, expected, atol=0.05)


def test_unscaled_image_is_copied():
    placed = placement((37, 53), (4, 6), (21, 33), flip=True)
    sampled = sample_image(tf.constant(IMAGE), placed)
    np.testing.assert_array_equal(sampled, IMAGE[4:25, 6:39][:, ::-1])


def test_image_and_label_stay_aligned():
    """A label painted as colours, sampled as an image, is the sampled label."""
    label = np.repeat(np.repeat(np.arange(12).reshape(3, 4) * 20, 10, 0), 10, 1)
    image = np.repeat(label[..., np.newaxis], 3, 2).astype(np.uint8)
    placed = placement((90, 120), (11, 17), (60, 80), flip=True)
    colors = sample_image(tf.constant(image), placed).numpy()[..., 0]
    labels = sample_label(tf.constant(label.astype(np.int32)), placed).numpy()
    inner = colors == np.round(colors)
    assert inner.mean() > 0.7
    np.testing.assert_array_equal(colors[inner], labels[inner])


def test_padding_changes_sides_with_the_image():
    values = tf.constant([[1, 2], [3, 4]])
    placed = placement((2, 2), (0, 0), (2, 2), padding=(1, 2))
    plain = place(values, placed, (4, 5), 9).numpy()
    np.testing.assert_array_equal(plain[1:3, 2:4], [[1, 2], [3, 4]])
    assert (plain == 9).sum() == 16
    mirrored = place(
        values[:, ::-1], placed._replace(flip=tf.constant(True)), (4, 5), 9
    )
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
