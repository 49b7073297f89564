"""Batch normalisation with the statistics of each replica, or of all replicas.

Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift, Sergey Ioffe and Christian Szegedy, ICML 2015,
https://arxiv.org/abs/1502.03167.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.norms import NORMS
from deeplab.layers.norms.base import Norm
from deeplab.layers.recompute import is_recomputing


@NORMS.register("batch")
class BatchNormalization(Norm, tf_keras.layers.BatchNormalization):
    """Batch normalisation that updates its averages once, even if recomputed.

    Along the last axis it runs as one fused kernel.
    """

    options = ("momentum", "epsilon")
    _over_replicas: ClassVar[bool] = False

    def __init__(
        self,
        norm: NormConfig,
        *,
        name: str,
        axis: int | tuple[int, ...] = -1,
        gamma_initializer: Any = "ones",
        dtype: str | None = None,
    ):
        """Creates the layer; arguments as in `Norm`."""
        # Not `super()`, which is `Norm`.
        tf_keras.layers.BatchNormalization.__init__(
            self,
            axis=axis,  # type: ignore  # One axis or several.
            momentum=norm.momentum,
            epsilon=norm.epsilon,
            synchronized=self._over_replicas,
            gamma_initializer=gamma_initializer,
            name=name,
            dtype=dtype,
        )

    def add_update(self, updates: Callable[[], Any]) -> None:
        """Updates the moving averages, except in a recomputation."""
        if not is_recomputing():
            super().add_update(updates)

    def affine(self, training: bool = False) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns scale and shift at inference; see `Norm.affine`."""
        if training or not self.built:
            return None
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, self.beta - self.moving_mean * scale


@NORMS.register("sync_batch")
class SyncBatchNormalization(BatchNormalization):
    """Batch normalisation with moments over all replicas; not fused."""

    _over_replicas = True
