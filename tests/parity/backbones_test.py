"""Backbones that no published experiment uses: their keys, sizes and features."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.protos.model_pb2 import ModelOptions
from tests.parity import parity

RECORDS = Path(__file__).parent / "records/backbones"
BEFORE_ATTENTION = {f"{kind}{i}" for kind in ("stage", "res") for i in (1, 2, 3)}


def filled(record, **options):
    """Returns the backbone of a record with the record's weights, and its keys."""
    message = ModelOptions(backbone=options)
    name = record["backbone"].partition("_pretrain")[0]
    backbone = BACKBONES.get(name)(message, NormConfig())
    backbone(tf.zeros([1, 65, 65, 3]))
    return backbone, parity.fill_weights({"encoder": backbone})


def errors(record, backbone):
    image = parity.input_image(*record["input_shape"][1:], record["input_seed"])
    features = backbone(tf.constant(image / 127.5 - 1.0), training=False)
    assert set(features) == set(record["outputs"])
    return {
        name: parity.max_error(summary, features[name])
        for name, summary in record["outputs"].items()
    }


def assert_same_weights(record, backbone, keys):
    assert keys == record["keys"]
    count = sum(int(np.prod(v.shape)) for v in backbone.trainable_variables)
    assert count == record["trainable_params"]


@pytest.mark.slow
def test_moat_without_position_embedding():
    record = parity.read_record(RECORDS / "moat0_pretrain_224_no_pe_1k.json.gz")
    backbone, keys = filled(record, position_embedding=False)
    assert_same_weights(record, backbone, keys)
    assert max(errors(record, backbone).values()) < 1e-4


def test_moat_with_position_embedding():
    """The recorded code read its table of biases once, when the weights were made.

    What it added ever after were those first, unrecorded random numbers, of standard
    deviation 0.02: small enough that the features of attention are near those without
    biases, and nearer than to those with the table that was filled in later.
    `tests/layers/relative_attention_test.py` holds the biases to their formula.
    """
    record = parity.read_record(RECORDS / "tiny_moat0_pretrain_256_1k.json.gz")
    backbone, keys = filled(record)
    assert_same_weights(record, backbone, keys)
    with_table = errors(record, backbone)
    assert all(with_table[name] < 1e-4 for name in BEFORE_ATTENTION)
    for variable in backbone.trainable_variables:
        if "relative_position_embedding" in variable.name:
            variable.assign(tf.zeros_like(variable))
    without = errors(record, backbone)
    for name in without.keys() - BEFORE_ATTENTION:
        assert without[name] < 1e-3
        assert without[name] < 0.5 * with_table[name]
