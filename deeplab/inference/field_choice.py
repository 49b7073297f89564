"""Selection of the fields of a prediction, by their records or by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from deeplab.core.fields import PredictionField
from deeplab.core.structures import PREDICTION_FIELDS, Prediction, present
from deeplab.models.deeplab import DeepLab

# Height and width of the test image, which any model accepts.
_SIDE = 65


def fields_where(
    prediction: Prediction, wanted: Callable[[PredictionField], bool]
) -> Prediction:
    """Returns the fields of a prediction whose records satisfy a condition."""
    found = present(prediction)
    return Prediction(
        **{n: v for n, v in found.items() if wanted(PREDICTION_FIELDS[n])}
    )


def check_fields(fields: Sequence[str] | None) -> None:
    """Raises ValueError if a name is not a field of `Prediction`."""
    unknown = sorted(set(fields or ()) - set(Prediction._fields))
    if unknown:
        raise ValueError(
            f"a prediction has no field {', '.join(unknown)}; it has: "
            f"{', '.join(Prediction._fields)}"
        )


def chosen_fields(prediction: Prediction, fields: Sequence[str] | None) -> Prediction:
    """Returns the given fields of a prediction; None returns all that can be served.

    Raises:
      ValueError: the model does not predict one of them.
    """
    found = fields_where(prediction, lambda record: record.can_be_served)
    if fields is None:
        return found
    absent = [name for name in fields if name not in present(found)]
    if absent:
        raise ValueError(
            f"the model does not predict {', '.join(absent)}; it predicts: "
            f"{', '.join(present(found))}"
        )
    return Prediction(**{name: present(found)[name] for name in fields})


def served_fields(model: DeepLab, fields: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the fields that an exported model returns.

    Args:
      model: the model; it is run once.
      fields: requested names; if empty, the fields that are served by default.

    Raises:
      ValueError: the model does not predict a requested field.
    """
    images = tf.zeros([1, _SIDE, _SIDE, model.input_channels])
    prediction = chosen_fields(model(images, training=False), fields or None)
    if fields:
        return tuple(fields)
    return tuple(present(fields_where(prediction, lambda record: record.served)))
