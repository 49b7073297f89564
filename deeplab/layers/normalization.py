"""Creates the layer that a `NormConfig` describes."""

from __future__ import annotations

from typing import Any

from deeplab.core.specs import NormConfig
from deeplab.layers.norms import NORMS
from deeplab.layers.norms.base import Norm


def normalization(
    norm: NormConfig,
    *,
    name: str = "batch_norm",
    axis: int | tuple[int, ...] = -1,
    gamma_initializer: Any = "ones",
    dtype: str | None = None,
) -> Norm:
    """Returns a new layer of the kind that `norm` names.

    Args:
      norm: kind and options of the norm.
      name: name of the layer, by default that in published networks.
      axis: axes along which each index has its own parameters: the channels and, in
        attention, the terms and heads.
      gamma_initializer: initialiser of the scale.
      dtype: precision, as in Keras.

    Raises:
      ValueError: the kind of norm is unknown.
    """
    return NORMS.get(norm.kind)(
        norm, name=name, axis=axis, gamma_initializer=gamma_initializer, dtype=dtype
    )
