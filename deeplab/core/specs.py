"""Small frozen configurations that constructors take as one argument."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureSpec:
    """The channels and the stride of a feature map that a backbone returns."""

    channels: int
    stride: int


@dataclass(frozen=True)
class NormConfig:
    """The normalisation of convolutions and of the products of attention.

    Attributes:
      kind: name registered in `deeplab.layers.norms`.
      momentum: weight of the old value in moving averages, 0 to 1.
      epsilon: constant added to the variance.
      groups: number of groups of channels that share statistics.
      weight_standardization: whether to standardise the kernels of convolutions that
        a norm follows; see `deeplab.layers.weight_standardization`.
    """

    kind: str = "batch"
    momentum: float = 0.99
    epsilon: float = 1e-3
    groups: int = 32
    weight_standardization: bool = False

    def ungrouped(self) -> NormConfig:
        """Returns the same norm with one group, for inputs without channel groups."""
        return dataclasses.replace(self, groups=1)


@dataclass(frozen=True)
class AxialAttentionConfig:
    """Self-attention along the axes of a feature map.

    Attributes:
      num_heads: number of heads.
      key_expansion: channels of queries and keys, relative to those of the layer.
      value_expansion: channels of values, relative to those of the layer.
      block: number of queries per block of local attention; 0 attends to the whole
        axis.
      halo: number of positions to each side that local attention reaches.
      activation: "softmax" or "sigmoid", which turns similarities into weights.
    """

    num_heads: int = 8
    key_expansion: float = 1.0
    value_expansion: float = 2.0
    block: int = 0
    halo: int = 32
    activation: str = "softmax"


@dataclass(frozen=True)
class PixelSampling:
    """Random sampling of the pixels of a loss term.

    Attributes:
      count: number of pixels drawn per image; 0 takes all pixels.
      temperature: the higher it is, the more often small segments are drawn.
    """

    count: int = 0
    temperature: float = 1.0
