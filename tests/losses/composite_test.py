"""The weighted sum of loss terms."""

import pytest
import tensorflow as tf

from deeplab.losses.composite import CompositeLoss


def constant_term(*values):
    return lambda example, output: tf.constant(values)


def test_weighs_each_term_and_adds_them_up():
    loss = CompositeLoss(
        {"a": (2.0, constant_term(1.0, 3.0)), "b": (0.5, constant_term(4.0, -2.0))}
    )
    values = {name: v.numpy().tolist() for name, v in loss(None, None).items()}
    assert values == {"a": [2, 6], "b": [2, -1], "total_loss": [4, 5]}
    assert loss.names == list(values)


def test_terms_see_example_and_output():
    loss = CompositeLoss({"sum": (1.0, lambda example, output: example + output)})
    assert loss(tf.constant([1.0]), tf.constant([2.0]))["total_loss"].numpy() == [3.0]


def test_refuses_no_terms():
    with pytest.raises(ValueError, match="no loss term"):
        CompositeLoss({})


def test_refuses_a_term_called_like_the_sum():
    with pytest.raises(ValueError, match="total_loss"):
        CompositeLoss({"total_loss": (1.0, constant_term(1.0))})
