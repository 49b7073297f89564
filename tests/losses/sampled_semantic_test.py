import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import PixelSampling
from deeplab.losses.base import TermOptions
from deeplab.losses.cross_entropy import build_semantic_loss
from deeplab.losses.sampled_semantic import SampledSemanticCrossEntropy
from tests.losses import mask_scene
from tests.numbered import numbered_dataset

FIELD = "auxiliary_semantic_logits"


@pytest.mark.parametrize("sample_k", [2, 3, 100])
def test_crowd_and_void_do_not_count(sample_k):
    """Three classes alike; the stuff weighs 3: the mean of ln 3 and 3 ln 3."""
    term = SampledSemanticCrossEntropy(
        mask_scene.LAYOUT, sample_k=sample_k, field=FIELD
    )
    value = term(mask_scene.example(), mask_scene.output())
    np.testing.assert_allclose(value, [2 * np.log(3)], rtol=1e-5)


def values(term, count):
    arguments = mask_scene.example(), mask_scene.output()
    return [round(term(*arguments).numpy()[0].item(), 3) for _ in range(count)]


def test_one_pixel_is_one_of_both():
    term = SampledSemanticCrossEntropy(mask_scene.LAYOUT, sample_k=1, field=FIELD)
    assert set(values(term, 20)) == {1.099, 3.296}


def test_a_resumed_run_draws_on():
    term = SampledSemanticCrossEntropy(mask_scene.LAYOUT, sample_k=1, field=FIELD)
    drawn = []
    for _ in range(2):
        tf.random.get_global_generator().reset_from_seed(3)
        drawn.append(values(term, 8))
    assert drawn[0] == drawn[1]


def test_options_choose_the_kind():
    options = TermOptions("softmax_cross_entropy", sampling=PixelSampling(7))
    info = numbered_dataset(3)
    assert isinstance(build_semantic_loss(options, info), SampledSemanticCrossEntropy)
    with pytest.raises(ValueError, match="pixels to sample: -2"):
        build_semantic_loss(
            TermOptions("softmax_cross_entropy", sampling=PixelSampling(-2)), info
        )
