import numpy as np
import pytest
import tensorflow as tf

from deeplab.data import geometry
from deeplab.data.geometry import Placement

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype(np.uint8)
LABEL = np.random.default_rng(1).integers(0, 2**30, (37, 53)).astype(np.int32)


def placement(resized, origin, shown, padding=(0, 0), flip=False):
    numbers = (tf.constant(v, tf.int32) for v in (resized, origin, shown, padding))
    return Placement(*numbers, tf.constant(flip))


def resized_image(image, size):
    return tf.raw_ops.ResizeBilinear(
        images=image[np.newaxis], size=size, align_corners=True
    )[0].numpy()


def resized_label(label, size):
    return tf.raw_ops.ResizeNearestNeighbor(
        images=label[np.newaxis, ..., np.newaxis], size=size, align_corners=True
    )[0, ..., 0].numpy()


@pytest.mark.parametrize(
    ("size", "minimum", "maximum", "factor", "expected"),
    [
        ((480, 640), (), (), 0, (480, 640)),
        ((480, 640), (0, 0), (0,), 0, (480, 640)),
        # The shorter side reaches 240, the longer one follows.
        ((480, 640), (240,), (), 0, (240, 320)),
        # Both sides reach their minimum: 960 / 480 = 2 > 640 / 640.
        ((480, 640), (960, 640), (), 0, (960, 1280)),
        ((480, 640), (), (320, 320), 0, (240, 320)),
        # A maximum never enlarges.
        ((480, 640), (), (1000, 1000), 0, (480, 640)),
        # 118 -> 65, 196 -> 107; then 107 -> 97, 65 -> 58.9.
        ((118, 196), (65, 97), (65, 97), 0, (58, 97)),
        # Rounded up to k * 32 + 1.
        ((480, 640), (), (), 32, (481, 641)),
        ((481, 641), (), (), 32, (481, 641)),
        # The maximum is first lowered from 340 to 321.
        ((480, 640), (), (340, 340), 32, (257, 321)),
        ((1, 1000), (), (10, 10), 0, (1, 10)),
    ],
)
def test_size_in_range(size, minimum, maximum, factor, expected):
    result = geometry.size_in_range(tf.constant(size), minimum, maximum, factor)
    assert tuple(result.numpy()) == expected


def test_three_resize_values_are_refused():
    with pytest.raises(ValueError, match="height and width"):
        geometry.size_in_range(tf.constant([4, 4]), (1, 2, 3))


def draws(function, count=300):
    return np.array([function(tf.constant([7, i])).numpy() for i in range(count)])


def test_scales_are_the_steps_between_the_limits():
    scales = draws(lambda seed: geometry.random_scale(seed, 0.5, 1.5, 0.25))
    values, counts = np.unique(scales, return_counts=True)
    np.testing.assert_allclose(values, [0.5, 0.75, 1.0, 1.25, 1.5])
    assert counts.min() > 30


def test_scales_without_step_fill_the_range():
    scales = draws(lambda seed: geometry.random_scale(seed, 0.5, 2.0, 0.0))
    assert len(np.unique(scales)) > 290
    assert 0.5 <= scales.min() < 0.55
    assert 1.95 < scales.max() < 2.0


def test_one_scale_is_not_drawn():
    assert geometry.random_scale(tf.constant([0, 0]), 1.25, 1.25, 0.1) == 1.25


@pytest.mark.parametrize("scales", [(0.0, 1.0, 0.1), (2.0, 1.0, 0.1), (1.0, 2.0, -1.0)])
def test_impossible_scales_are_refused(scales):
    with pytest.raises(ValueError, match="ascending order"):
        geometry.random_scale(tf.constant([0, 0]), *scales)


def random_placements(size, scale, crop, flip=True, count=200):
    return [
        tf.nest.map_structure(
            lambda t: t.numpy(),
            geometry.random_placement(
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
    place = placement(*window, flip=flip)
    run = tf.function if graph else (lambda function: function)
    image = run(geometry.sample_image)(tf.constant(IMAGE), place).numpy()
    label = run(geometry.sample_label)(tf.constant(LABEL), place).numpy()
    resized, (top, left), (rows, columns) = window
    cut = np.s_[top : top + rows, left : left + columns]
    mirror = np.s_[:, ::-1] if flip else np.s_[:]
    expected = resized_image(IMAGE, resized)[cut][mirror]
    # Noise: neighbours differ by up to 255, positions by rounding errors only.
    np.testing.assert_allclose(image, expected, atol=5e-3)
    np.testing.assert_array_equal(label, resized_label(LABEL, resized)[cut][mirror])


def test_large_image_stays_exact_at_its_far_corner():
    image = np.random.default_rng(2).integers(0, 256, (600, 800, 3)).astype(np.uint8)
    place = placement((901, 1203), (640, 1000), (261, 203), flip=True)
    expected = resized_image(image, (901, 1203))[640:, 1000:][:, ::-1]
    sampled = geometry.sample_image(tf.constant(image), place)
    np.testing.assert_allclose(sampled, expected, atol=0.05)


def test_unscaled_image_is_copied():
    place = placement((37, 53), (4, 6), (21, 33), flip=True)
    sampled = geometry.sample_image(tf.constant(IMAGE), place)
    np.testing.assert_array_equal(sampled, IMAGE[4:25, 6:39][:, ::-1])


def test_image_and_label_stay_aligned():
    """A label painted as colours, sampled as an image, is the sampled label."""
    label = np.repeat(np.repeat(np.arange(12).reshape(3, 4) * 20, 10, 0), 10, 1)
    image = np.repeat(label[..., np.newaxis], 3, 2).astype(np.uint8)
    place = placement((90, 120), (11, 17), (60, 80), flip=True)
    colors = geometry.sample_image(tf.constant(image), place).numpy()[..., 0]
    labels = geometry.sample_label(tf.constant(label.astype(np.int32)), place).numpy()
    inner = colors == np.round(colors)
    assert inner.mean() > 0.7
    np.testing.assert_array_equal(colors[inner], labels[inner])


def test_padding_changes_sides_with_the_image():
    values = tf.constant([[1, 2], [3, 4]])
    place = placement((2, 2), (0, 0), (2, 2), padding=(1, 2))
    plain = geometry.place(values, place, (4, 5), 9).numpy()
    np.testing.assert_array_equal(plain[1:3, 2:4], [[1, 2], [3, 4]])
    assert (plain == 9).sum() == 16
    mirrored = geometry.place(
        values[:, ::-1], place._replace(flip=tf.constant(True)), (4, 5), 9
    )
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


@pytest.mark.parametrize(
    ("size", "crop", "stride", "expected"),
    [
        ((37, 53), (65, 97), 32, (65, 97)),
        ((65, 97), (65, 97), 32, (65, 97)),
        # Larger than the crop: the next k * 32 + 1, side by side.
        ((66, 53), (65, 97), 32, (97, 97)),
        ((37, 200), (65, 97), 32, (65, 225)),
        ((37, 53), None, 16, (49, 65)),
        ((33, 65), None, 16, (33, 65)),
        ((1, 1), None, 16, (1, 1)),
    ],
)
def test_inference_pads_to_the_crop_or_to_the_stride(size, crop, stride, expected):
    image = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    padded, resized = geometry.preprocess_for_inference(
        tf.constant(image), crop_size=crop, output_stride=stride
    )
    assert tuple(padded.shape[:2]) == expected
    assert tuple(resized.numpy()) == size
    np.testing.assert_array_equal(padded[: size[0], : size[1]], image)
    outside = np.ones(expected, bool)
    outside[: size[0], : size[1]] = False
    assert (padded.numpy()[outside] == geometry.MEAN_PIXEL).all()


def test_inference_resizes_to_the_range():
    padded, resized = geometry.preprocess_for_inference(
        tf.constant(IMAGE),
        crop_size=(65, 97),
        output_stride=32,
        min_resize_value=(65, 97),
        max_resize_value=(65, 97),
    )
    assert tuple(resized.numpy()) == (65, 94)
    expected = resized_image(IMAGE, (65, 94))
    np.testing.assert_allclose(padded[:65, :94], expected, atol=1e-5)
    label = geometry.resize_label(tf.constant(LABEL), resized)
    np.testing.assert_array_equal(label, resized_label(LABEL, (65, 94)))
