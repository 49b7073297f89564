import numpy as np
import tensorflow as tf

from deeplab.losses.mask_id import MaskIdCrossEntropy
from tests.losses import mask_scene


def test_the_row():
    """The thing is in slot 0 with 0.8, the stuff in slot 1 with 0.75."""
    term = MaskIdCrossEntropy(mask_scene.MATCHING)
    value = term(mask_scene.example(), mask_scene.output())
    expected = np.mean([-np.log(0.8), -np.log(0.75)])
    np.testing.assert_allclose(value, [expected], rtol=1e-5)


def test_the_hardest_pixel():
    term = MaskIdCrossEntropy(mask_scene.MATCHING, top_k_fraction=0.25)
    value = term(mask_scene.example(), mask_scene.output())
    np.testing.assert_allclose(value, [-np.log(0.75)], rtol=1e-5)


def test_crowd_and_void_move_nothing():
    term = MaskIdCrossEntropy(mask_scene.MATCHING)
    output = mask_scene.output()
    with tf.GradientTape() as tape:
        tape.watch(output)
        value = term(mask_scene.example(), output)
    gradient = tape.gradient(value, output.pixel_space_mask_logits)[0, 0]
    np.testing.assert_array_equal(np.any(gradient, -1), [True, False, True, False])
