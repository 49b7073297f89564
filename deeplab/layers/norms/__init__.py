"""Norms: the normalisation layers of convolutions and of the products of attention.

`NORMS.get(kind)` is a layer class; `deeplab.layers.normalization` creates a layer from
a `NormConfig`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deeplab.registry import Registry

if TYPE_CHECKING:
    from deeplab.layers.norms.base import Norm

NORMS: Registry[type[Norm]] = Registry(
    "norm",
    __name__,
    [
        "batch",
        "frozen_batch",
        "group",
        "none",
    ],
)
