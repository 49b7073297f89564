"""Loss terms and their sum, from recorded targets and outputs."""

import tensorflow as tf
from google.protobuf import text_format

from deeplab.core.structures import Example, MaskOutput, Outputs, Prediction
from deeplab.losses import LOSSES
from deeplab.losses.base import TermOptions
from deeplab.losses.composite import CompositeLoss
from deeplab.protos.trainer_pb2 import LossOptions
from tests.parity.components.classes import classes_of
from tests.parity.records import compare

INPUTS = ("loss_options", "thing_classes", "ignore_depth", "y_true/", "y_pred/")


# The auxiliary semantic output of mask transformers, as published and here.
RENAMED = {"semantic_logits": "auxiliary_semantic_logits"}


def _terms(fields):
    """Returns name -> (weight, term) of a record's options."""
    has_masks = "y_pred/pixel_space_mask_logits" in fields
    semantic = RENAMED["semantic_logits"] if has_masks else ""
    info = classes_of(fields, fields["y_pred/semantic_logits"].shape[-1])
    message = text_format.Parse(str(fields["loss_options"]), LossOptions())
    return {
        field.name: (
            options.weight,
            LOSSES.get(field.name)(
                TermOptions(
                    options.name,
                    options.weight,
                    options.top_k_percent,
                    reads=semantic if field.name == "semantic_loss" else "",
                ),
                info,
            ),
        )
        for field, options in message.ListFields()
    }


def _tuple(kind, fields, start):
    """Returns a named tuple of the fields behind a start."""
    renamed = RENAMED if kind is MaskOutput else {}
    found = {
        renamed.get(name, name): tf.constant(fields[f"{start}{name}"])
        for name in (*kind._fields, *renamed)
        if f"{start}{name}" in fields
    }
    return kind(**({"image": None} if kind is Example else {}), **found)


def compute(fields, *, jit_compile=False):
    """Returns the losses of the record that holds these inputs."""
    kind = MaskOutput if "y_pred/pixel_space_mask_logits" in fields else Prediction
    loss = CompositeLoss(_terms(fields))
    values = tf.function(loss, jit_compile=jit_compile)(
        _tuple(Example, fields, "y_true/"), Outputs(_tuple(kind, fields, "y_pred/"))
    )
    assert set(values) == set(loss.names)
    return {f"loss/{name}": value.numpy() for name, value in values.items()}


def check(record, _, *, jit_compile=False):
    """Compares every term and the total of each sample."""
    computed = compute(record.fields, jit_compile=jit_compile)
    tolerances = {name: {"rtol": 1e-5} for name in computed}
    compare(record.fields, computed, INPUTS, tolerances)
