"""Backbones that no published experiment uses: their keys, sizes and features."""

import numpy as np
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.protos.model_pb2 import ModelOptions
from tests.parity import parity

BEFORE_ATTENTION = {f"{kind}{i}" for kind in ("stage", "res") for i in (1, 2, 3)}
TABLE_OF_BIASES = "relative_position_embedding"


def check_backbone(record, _):
    """Compares keys, number of weights, and every feature."""
    fields = record.fields
    has_biases = any(TABLE_OF_BIASES in key for key in fields["keys"])
    name = fields["backbone"].partition("_pretrain")[0]
    options = ModelOptions()
    options.backbone.position_embedding = has_biases
    backbone = BACKBONES.get(name)(options, NormConfig())
    backbone(tf.zeros([1, *fields["input_shape"][1:]]))

    assert parity.fill_weights({"encoder": backbone}) == fields["keys"]
    count = sum(int(np.prod(v.shape)) for v in backbone.trainable_variables)
    assert count == fields["trainable_params"]
    if has_biases:
        _check_without_biases(fields, backbone)
    else:
        assert max(_errors(fields, backbone).values()) < 1e-4


def _errors(fields, backbone):
    image = parity.input_image(*fields["input_shape"][1:], fields["input_seed"])
    features = backbone(tf.constant(image / 127.5 - 1.0), training=False)
    assert set(features) == set(fields["outputs"])
    return {
        name: parity.max_error(summary, features[name])
        for name, summary in fields["outputs"].items()
    }


def _check_without_biases(fields, backbone):
    """The recorded code read its table of biases once, when the weights were made.

    What it added ever after were those first, unrecorded random numbers, of standard
    deviation 0.02: small enough that the features of attention are near those without
    biases, and nearer than to those with the table that was filled in later.
    `tests/layers/relative_attention_test.py` holds the biases to their formula.
    """
    with_table = _errors(fields, backbone)
    assert all(with_table[name] < 1e-4 for name in BEFORE_ATTENTION)
    for variable in backbone.trainable_variables:
        if TABLE_OF_BIASES in variable.name:
            variable.assign(tf.zeros_like(variable))
    without = _errors(fields, backbone)
    for name in without.keys() - BEFORE_ATTENTION:
        assert without[name] < 1e-3
        assert without[name] < 0.5 * with_table[name]
