"""Small frozen configurations that travel together through constructors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureSpec:
    """A feature map that a backbone offers: its channels and its stride."""

    channels: int
    stride: int


@dataclass(frozen=True)
class NormConfig:
    """What normalises the output of convolutions and the products of attention.

    Attributes:
      kind: a name registered in `deeplab.layers.norms`.
      momentum: weight of the old value in moving statistics, 0 to 1.
      epsilon: added to the variance.
      groups: groups of channels that have statistics together.
      weight_standardization: whether the kernels of convolutions that a norm follows
        are standardised, see `deeplab.layers.weight_standardization`.
    """

    kind: str = "batch"
    momentum: float = 0.99
    epsilon: float = 1e-3
    groups: int = 32
    weight_standardization: bool = False

    def ungrouped(self) -> NormConfig:
        """Returns the same norm with one group, for what has no channels to group."""
        return dataclasses.replace(self, groups=1)


@dataclass(frozen=True)
class AxialAttentionConfig:
    """Self-attention along the axes of a feature map.

    Attributes:
      num_heads: heads.
      key_expansion: channels of queries and keys, over those of the layer.
      value_expansion: channels of values, likewise.
      block: queries that are worked on together in local attention; 0 attends to the
        whole axis.
      halo: how many positions to each side local attention reaches.
      activation: "softmax" or "sigmoid", which makes weights of similarities.
    """

    num_heads: int = 8
    key_expansion: float = 1.0
    value_expansion: float = 2.0
    block: int = 0
    halo: int = 32
    activation: str = "softmax"


@dataclass(frozen=True)
class PixelSampling:
    """Pixels that a loss term draws at random.

    Attributes:
      count: pixels of an image; 0 takes all.
      temperature: the higher, the more often small segments are drawn.
    """

    count: int = 0
    temperature: float = 1.0
