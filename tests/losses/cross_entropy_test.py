"""The cross entropy of the hardest pixels, against values worked out by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Example, SemanticOutput
from deeplab.losses.cross_entropy import SemanticCrossEntropy
from tests.numbered import label_space

IGNORE = 255


def loss_of(labels, logits, weights=None, **options):
    labels = np.asarray(labels, np.int32)
    space = label_space(np.shape(logits)[-1], ignore_label=IGNORE)
    term = SemanticCrossEntropy(labels=space, **options)
    weights = np.ones(labels.shape) if weights is None else weights
    example = Example(
        image=None,
        semantic_gt=tf.constant(labels),
        semantic_loss_weight=tf.constant(weights, tf.float32),
    )
    return term(example, SemanticOutput(tf.constant(logits, tf.float32))).numpy()


def test_even_logits_cost_the_logarithm_of_the_class_count():
    """-log(1 / 4) at each pixel, and so in the mean."""
    logits = np.zeros([2, 3, 5, 4])
    np.testing.assert_allclose(
        loss_of(np.ones([2, 3, 5]), logits), [math.log(4)] * 2, rtol=1e-6
    )


def test_two_classes_by_hand():
    """-log(e^a / (e^a + e^b)) = log(1 + e^(b - a)), weighted, over nonzero pixels."""
    logits = [[[[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]]]]
    entropies = [
        math.log(1 + math.exp(-2)),
        math.log(1 + math.exp(3)),
        math.log(2),
    ]
    expected = (3 * entropies[0] + entropies[1]) / 2
    value = loss_of([[[0, 0, 1]]], logits, weights=[[[3.0, 1.0, 0.0]]])
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("fraction", "kept"), [(1.0, 10), (0.5, 5), (0.25, 2), (0.35, 4), (0.01, 1)]
)
def test_top_k_keeps_the_hardest_pixels(fraction, kept):
    """The mean of the `round(fraction * 10)` highest log(1 + e^i), i = 0 to 9."""
    logits = np.zeros([1, 2, 5, 2])
    logits[..., 1] = np.random.default_rng(0).permutation(10).reshape(1, 2, 5)
    entropies = [math.log(1 + math.exp(i)) for i in reversed(range(10))]
    expected = sum(entropies[:kept]) / kept
    value = loss_of(np.zeros([1, 2, 5]), logits, top_k_fraction=fraction)
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


def test_pixels_without_loss_are_kept_but_not_averaged():
    """Of 4 pixels the half is kept; one of them is ignored, the other has log 2."""
    value = loss_of(
        [[[0, IGNORE], [IGNORE, IGNORE]]], np.zeros([1, 2, 2, 2]), top_k_fraction=0.5
    )
    np.testing.assert_allclose(value, [math.log(2)], rtol=1e-6)


@pytest.mark.parametrize("fraction", [1.0, 0.3])
@pytest.mark.parametrize("foreign", [IGNORE, 3, 77, -1])
def test_logits_of_ignored_pixels_change_nothing(fraction, foreign):
    """Labels outside the classes count as ignored."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, [2, 6, 7])
    ignored = rng.random(labels.shape) < 0.4
    labels[ignored] = foreign
    logits = rng.normal(size=[2, 6, 7, 3])
    other = np.where(ignored[..., None], 50 * rng.normal(size=logits.shape), logits)
    np.testing.assert_array_equal(
        loss_of(labels, logits, top_k_fraction=fraction),
        loss_of(labels, other, top_k_fraction=fraction),
    )


@pytest.mark.parametrize("fraction", [1.0, 0.3])
def test_all_ignored_costs_nothing_and_moves_nothing(fraction):
    labels = label_space(3, ignore_label=IGNORE)
    term = SemanticCrossEntropy(labels=labels, top_k_fraction=fraction)
    example = Example(image=None, semantic_gt=tf.fill([1, 4, 4], IGNORE))
    logits = tf.random.stateless_normal([1, 4, 4, 3], [0, 0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = term(example, SemanticOutput(logits))
    assert value.numpy().tolist() == [0.0]
    assert not np.any(tape.gradient(value, logits))


def test_gradient_is_softmax_minus_one_hot_over_the_kept():
    """d mean / d logit = (p - [class is true]) / pixels."""
    logits = tf.constant([[[[1.0, 0.0], [0.0, 2.0]]]])
    example = Example(image=None, semantic_gt=tf.constant([[[0, 1]]]))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        term = SemanticCrossEntropy(labels=label_space(2))
        value = term(example, SemanticOutput(logits))
    expected = (tf.nn.softmax(logits) - [[[[1.0, 0.0], [0.0, 1.0]]]]) / 2
    np.testing.assert_allclose(tape.gradient(value, logits), expected, rtol=1e-5)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1])
def test_refuses_a_share_out_of_range(fraction):
    with pytest.raises(ValueError, match=r"top_k_percent.*above 0 and up to 1"):
        SemanticCrossEntropy(labels=label_space(2), top_k_fraction=fraction)
