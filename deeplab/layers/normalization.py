"""The layer that a `NormConfig` describes."""

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
      norm: the kind and its options.
      name: the layer's name, by default that of published networks.
      axis: axes with parameters of their own for each index: the channels, and in
        attention those of terms and heads.
      gamma_initializer: initial scale.
      dtype: precision, as in Keras.

    Raises:
      ValueError: no kind of norm has this name.
    """
    return NORMS.get(norm.kind)(
        norm, name=name, axis=axis, gamma_initializer=gamma_initializer, dtype=dtype
    )
