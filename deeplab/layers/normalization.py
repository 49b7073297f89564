"""Batch normalisation from a `NormConfig`.

Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift, Sergey Ioffe and Christian Szegedy, ICML 2015,
https://arxiv.org/abs/1502.03167.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.recompute import is_recomputing


class BatchNormalization(tf_keras.layers.BatchNormalization):
    """Batch normalisation whose averages move once, recomputed or not."""

    def add_update(self, updates: Callable[[], Any]) -> None:
        """Runs an update of the moving averages, unless it ran before."""
        if not is_recomputing():
            super().add_update(updates)

    def affine(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what it does at inference: factor and summand of each channel."""
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, self.beta - self.moving_mean * scale


def batch_norm(
    norm: NormConfig,
    *,
    name: str = "batch_norm",
    gamma_initializer: Any = "ones",
    axis: Any = -1,
    dtype: str | None = None,
) -> BatchNormalization:
    """Returns a batch normalisation of the last axis, or of a tuple of others.

    Of the last axis and without `norm.sync` it runs as one fused kernel, which
    inference also merges with the convolution before it.
    """
    return BatchNormalization(
        axis=axis,
        momentum=norm.momentum,
        epsilon=norm.epsilon,
        synchronized=norm.sync,
        gamma_initializer=gamma_initializer,
        name=name,
        dtype=dtype,
    )
