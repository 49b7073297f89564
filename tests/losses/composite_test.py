"""The weighted sum of loss terms."""

from typing import NamedTuple

import pytest
import tensorflow as tf

from deeplab.core.structures import Outputs
from deeplab.losses.base import PreparedTerm
from deeplab.losses.composite import AuxiliaryLoss, CompositeLoss


def constant_term(*values):
    return lambda example, output: tf.constant(values)


def test_weighs_each_term_and_adds_them_up():
    loss = CompositeLoss(
        {"a": (2.0, constant_term(1.0, 3.0)), "b": (0.5, constant_term(4.0, -2.0))}
    )
    values = {name: v.numpy().tolist() for name, v in loss(None, Outputs(None)).items()}
    assert values == {"a": [2, 6], "b": [2, -1], "total_loss": [4, 5]}
    assert loss.names == list(values)


def test_terms_see_example_and_output():
    loss = CompositeLoss({"sum": (1.0, lambda example, output: example + output)})
    assert loss(tf.constant([1.0]), Outputs(tf.constant([2.0])))[
        "total_loss"
    ].numpy() == [3.0]


def test_refuses_no_terms():
    with pytest.raises(ValueError, match="no loss term"):
        CompositeLoss({})


def test_refuses_a_term_called_like_the_sum():
    with pytest.raises(ValueError, match="total_loss"):
        CompositeLoss({"total_loss": (1.0, constant_term(1.0))})


class CountingPrepare:
    """Equal to every other; counts its calls."""

    calls = 0

    def __eq__(self, other):
        return isinstance(other, CountingPrepare)

    def __hash__(self):
        return 1

    def __call__(self, example, output):
        CountingPrepare.calls += 1
        return example + output.value


class Scaled(PreparedTerm):
    """Two parts: the targets, and the targets times the output."""

    parts = ("_one", "_two")

    def __init__(self):
        self.prepare = CountingPrepare()

    def compute(self, targets, output):
        return targets, targets * output.value


class Output(NamedTuple):
    value: tf.Tensor


def test_targets_are_prepared_once_for_all_terms_and_outputs():
    """Targets 1 + 2 = 3 of the final output; the earlier one is 5."""
    CountingPrepare.calls = 0
    loss = CompositeLoss(
        {
            "a": (2.0, Scaled()),
            "b": (1.0, Scaled()),
            "plain": (1.0, constant_term(7.0)),
        },
        auxiliary={
            "aux_0": AuxiliaryLoss({"a": 1.0, "b": 1.0}, separator=""),
            "head": AuxiliaryLoss({"plain": 0.5}),
        },
    )
    output = Outputs(
        Output(tf.constant([2.0])),
        {"aux_0": Output(tf.constant([5.0])), "head": Output(None)},
    )
    values = {
        k: v.numpy().tolist() for k, v in loss(tf.constant([1.0]), output).items()
    }
    assert CountingPrepare.calls == 1
    assert values == {
        "a_one": [6],
        "a_two": [12],
        "aux_0a_one": [6],
        "aux_0a_two": [30],
        "b_one": [3],
        "b_two": [6],
        "aux_0b_one": [3],
        "aux_0b_two": [15],
        "plain": [7],
        "head_plain": [3.5],
        "total_loss": [6 + 12 + 6 + 30 + 3 + 6 + 3 + 15 + 7 + 3.5],
    }
    assert loss.names == list(values)


def test_a_prediction_has_no_auxiliary_outputs():
    loss = CompositeLoss(
        {"a": (1.0, Scaled())}, auxiliary={"head": AuxiliaryLoss({"a": 1.0})}
    )
    values = loss(tf.constant([1.0]), Outputs(Output(tf.constant([2.0]))))
    assert list(values) == ["a_one", "a_two", "total_loss"]


def test_other_auxiliary_outputs_than_announced_are_refused():
    loss = CompositeLoss(
        {"a": (1.0, Scaled())}, auxiliary={"head": AuxiliaryLoss({"a": 1.0})}
    )
    one = Output(tf.constant([2.0]))
    with pytest.raises(ValueError, match=r"outputs tail, but the loss is for head"):
        loss(tf.constant([1.0]), Outputs(one, {"tail": one}))


def test_an_auxiliary_output_has_the_terms_of_the_loss():
    with pytest.raises(ValueError, match="'head': the loss has no term b; it has: a"):
        CompositeLoss(
            {"a": (1.0, Scaled())}, auxiliary={"head": AuxiliaryLoss({"b": 1.0})}
        )
