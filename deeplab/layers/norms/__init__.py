"""Norms: what follows a convolution, and the products of attention.

`NORMS.get(kind)` is the layer's class; `deeplab.layers.normalization` makes one of a
`NormConfig`.
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
