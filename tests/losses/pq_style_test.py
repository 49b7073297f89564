import numpy as np
import tensorflow as tf

from deeplab.losses.pq_style import PQStyle
from tests.losses import mask_scene


def parts(output, targets_of=None):
    term = PQStyle(mask_scene.MATCHING)
    matched = term.prepare(mask_scene.example(), targets_of or output)
    return [part.numpy()[0] for part in term.compute(matched, output)]


def test_the_row():
    """Classes: mean of 0.75 * similarity * -ln 0.5.

    Masks: on the pixels of masks slot 0 has 0.8 + 0.25 and slot 1 0.2 + 0.75; plus 1,
    the Dice coefficients are 2.6 / 3.05 and 2.5 / 2.95, each of weight 0.5; a mean
    over the slots, times 0.75.
    """
    class_term, mask_term = parts(mask_scene.output())
    expected = 0.75 * np.log(2) * np.mean(mask_scene.SIMILARITY)
    np.testing.assert_allclose(class_term, expected, rtol=1e-4)
    expected = 0.75 * 0.5 * np.mean([1 - 2.6 / 3.05, 1 - 2.5 / 2.95])
    np.testing.assert_allclose(mask_term, expected, rtol=1e-4)


def test_a_slot_too_many_learns_no_object_as_far_as_it_lies_on_void():
    """The third slot has a quarter on void, and "no object" probability 1 / 8."""
    first = mask_scene.FIRST
    probs = np.stack([0.9 * first, 0.9 - 0.9 * first, np.full(4, 0.1)], axis=-1)
    output = mask_scene.output(probs, mask_scene.CLASSES[[0, 1, 0]])
    similarity = (0.72 / ((1 + 0.9 * 1.55) / 2), 0.675 / ((1 + 0.9 * 1.45) / 2))
    expected = 0.75 * np.log(2) * np.sum(similarity) + 0.25 * 0.25 * np.log(8)
    np.testing.assert_allclose(parts(output)[0], expected / 3, rtol=1e-4)


def test_an_earlier_output_has_the_targets_and_weights_of_the_final_one():
    final = mask_scene.output()
    uniform = mask_scene.output(np.full([4, 2], 0.5), np.full([2, 4], 0.25))
    class_term, mask_term = parts(uniform, targets_of=final)
    expected = 0.75 * np.log(4) * np.mean(mask_scene.SIMILARITY)
    np.testing.assert_allclose(class_term, expected, rtol=1e-4)
    np.testing.assert_allclose(mask_term, 0.75 * 0.5 * (1 - 2 / 3), rtol=1e-4)


def test_the_call_is_the_sum_of_the_parts():
    term = PQStyle(mask_scene.MATCHING)
    total = term(mask_scene.example(), mask_scene.output())
    np.testing.assert_allclose(total, [sum(parts(mask_scene.output()))], rtol=1e-6)


def test_weights_pass_no_gradient():
    """The class term moves no mask, and the mask term no class."""
    term = PQStyle(mask_scene.MATCHING)
    output = mask_scene.output()
    for index, other in enumerate(
        ("pixel_space_mask_logits", "transformer_class_logits")
    ):
        with tf.GradientTape() as tape:
            tape.watch(output)
            matched = term.prepare(mask_scene.example(), output)
            value = term.compute(matched, output)[index]
        assert tape.gradient(value, getattr(output, other)) is None
