import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import PixelSampling
from deeplab.losses.base import TermOptions
from deeplab.losses.instance_discrimination import (
    InstanceDiscrimination,
    SampledInstanceDiscrimination,
    build_instance_discrimination_loss,
)
from tests.losses import mask_scene
from tests.numbered import numbered_dataset

# Two features at right angles, over the temperature 0.3.
APART = np.log(1 + np.exp(-1 / 0.3))


def test_the_thing_against_the_means_of_both_masks():
    term = InstanceDiscrimination(mask_scene.MATCHING)
    value = term(mask_scene.example(), mask_scene.output())
    np.testing.assert_allclose(value, [APART], rtol=1e-4)


def test_equal_features_cannot_be_told_apart():
    """Two masks, probability 1 / 2 each."""
    features = tf.constant([[[[0.6, 0.8]] * 4]])
    output = mask_scene.output()._replace(pixel_space_normalized_feature=features)
    term = InstanceDiscrimination(mask_scene.MATCHING)
    np.testing.assert_allclose(
        term(mask_scene.example(), output), [np.log(2)], rtol=1e-5
    )


@pytest.mark.parametrize("sample_k", [2, 3, 100])
def test_drawn_pixels_against_each_other(sample_k):
    """Two pixels have a mask; others are only what they differ from.

    The void is like the thing, and the crowd like the stuff: a third pixel is like one
    of both, and of four two are like each.
    """
    term = SampledInstanceDiscrimination(
        mask_scene.MATCHING, sample_k=sample_k, sample_temperature=1.0
    )
    value = term(mask_scene.example(), mask_scene.output())
    close, far = np.exp(1 / 0.3), 1.0
    entropy = {
        2: [APART] * 2,
        3: [np.log((2 * close + far) / close), np.log((close + 2 * far) / close)],
        100: [np.log(2 * (close + far) / close)] * 2,
    }[sample_k]
    np.testing.assert_allclose(value, [np.mean(entropy)], rtol=1e-4)


def test_drawn_pixels_without_mask_move_nothing():
    term = SampledInstanceDiscrimination(
        mask_scene.MATCHING, sample_k=4, sample_temperature=1.0
    )
    example = mask_scene.example()._replace(
        semantic_gt=tf.fill([1, 1, 4], 255), thing_id_mask_gt=tf.fill([1, 1, 4], -1)
    )
    output = mask_scene.output()
    with tf.GradientTape() as tape:
        tape.watch(output)
        value = term(example, output)
    assert value == 0
    gradient = tape.gradient(value, output.pixel_space_normalized_feature)
    np.testing.assert_array_equal(gradient, np.zeros([1, 1, 4, 2]))


def test_options_choose_the_kind():
    info = numbered_dataset(3)
    drawn = build_instance_discrimination_loss(
        TermOptions(sampling=PixelSampling(5)), info
    )
    assert isinstance(drawn, SampledInstanceDiscrimination)
    whole = build_instance_discrimination_loss(TermOptions(), info)
    assert isinstance(whole, InstanceDiscrimination)
    with pytest.raises(ValueError, match="pixels to sample: -1"):
        build_instance_discrimination_loss(
            TermOptions(sampling=PixelSampling(-1)), info
        )
