"""Batches in two parts: one goes to the devices, the other stays on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.fields import Padding, Side
from deeplab.core.structures import EXAMPLE_FIELDS, Batch
from deeplab.data import geometry


def in_two_parts(fields: Mapping[str, Any]) -> Batch:
    """Splits fields of `Example` into the device part and the host part of a batch."""
    parts: dict[Side, dict[str, Any]] = {side: {} for side in Side}
    for name, value in fields.items():
        parts[EXAMPLE_FIELDS[name].side][name] = value
    return Batch(device=parts[Side.DEVICE], host=parts[Side.HOST])


def padding_values(spec: Batch, info: DatasetInfo) -> Batch:
    """Returns the values that pad the smaller images of a batch.

    Args:
      spec: tensor specifications of an example's fields.
      info: the data set.

    Returns:
      Scalars of the fields' dtypes.
    """
    values: dict[Padding, Any] = {
        Padding.ZERO: 0,
        # One value for all channels; no model sees it: images are cut to their size.
        Padding.MEAN_PIXEL: geometry.MEAN_PIXEL[0],
        Padding.IGNORE_LABEL: info.ignore_label,
        Padding.VOID: info.label_space.void,
        Padding.IGNORE_DEPTH: info.ignore_depth or 0.0,
        Padding.NO_INSTANCE: -1,
    }

    def scalars(part: Mapping[str, tf.TensorSpec]) -> dict[str, tf.Tensor]:
        return {
            name: tf.zeros([], kind.dtype)
            if EXAMPLE_FIELDS[name].padding is Padding.ZERO
            else tf.constant(values[EXAMPLE_FIELDS[name].padding], kind.dtype)
            for name, kind in part.items()
        }

    return Batch(device=scalars(spec.device), host=scalars(spec.host))
