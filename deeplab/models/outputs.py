"""Converts the outputs of a network into the inputs of losses and post-processing.

The record of each field defines how it is resized, mirrored and averaged; see
`deeplab.core.fields`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import tensorflow as tf

from deeplab.core.structures import (
    PREDICTION_FIELDS,
    Outputs,
    Prediction,
    map_fields,
    present,
)
from deeplab.ops.fields import mirror_field, resize_field

Output = TypeVar("Output", bound=tuple)


def resize_outputs(outputs: Outputs, size: tuple[Any, Any]) -> Outputs:
    """Returns all outputs, resized to `size`, the (height, width) of the image."""
    return Outputs(
        _resized(outputs.main, size),
        {name: _resized(one, size) for name, one in outputs.auxiliary.items()},
    )


def mirror_output(output: Output) -> Output:
    """Converts the output for a mirrored image into the output for the image."""
    return map_fields(mirror_field, output)


def to_prediction(output: Any, size: tuple[Any, Any]) -> Prediction:
    """Returns the continuous fields of a prediction, including probabilities.

    Args:
      output: main output of a network.
      size: (height, width) of the image.
    """
    fields = present(_resized(output, size))
    for name, record in PREDICTION_FIELDS.items():
        if record.softmax_of in fields:
            fields[name] = tf.nn.softmax(fields[record.softmax_of])
    return Prediction(**fields)


def average(predictions: Sequence[Prediction]) -> Prediction:
    """Returns the mean of several predictions for the same images.

    Raises:
      ValueError: a field of several predictions has no meaningful mean.
    """
    if len(predictions) == 1:
        return predictions[0]
    fields = present(predictions[0])
    lost = [name for name in fields if not PREDICTION_FIELDS[name].can_be_averaged]
    if lost:
        raise ValueError(
            "evaluator_options: eval_scales and add_flipped_images average several "
            f"runs of the network, but {', '.join(lost)} cannot be averaged; remove "
            "both options"
        )
    stacks = {name: [getattr(p, name) for p in predictions] for name in fields}
    return Prediction(
        **{name: tf.add_n(values) / len(values) for name, values in stacks.items()}
    )


def _resized(output: Output, size: tuple[Any, Any]) -> Output:
    return map_fields(lambda record, value: resize_field(record, value, size), output)
