"""Small frozen configurations that travel together through constructors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureSpec:
    """A feature map that a backbone offers: its channels and its stride."""

    channels: int
    stride: int


@dataclass(frozen=True)
class NormConfig:
    """Batch normalisation; `sync` takes the moments over all replicas."""

    sync: bool = False
    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True)
class AttentionConfig:
    """Self-attention along the axes of a feature map.

    Attributes:
      num_heads: heads.
      key_expansion: channels of queries and keys, over those of the layer.
      value_expansion: channels of values, likewise.
      block: queries that are worked on together in local attention; 0 attends to the
        whole axis.
      flange: how many positions to each side local attention reaches.
      activation: "softmax" or "sigmoid", which makes weights of similarities.
    """

    num_heads: int = 8
    key_expansion: float = 1.0
    value_expansion: float = 2.0
    block: int = 0
    flange: int = 32
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
