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
