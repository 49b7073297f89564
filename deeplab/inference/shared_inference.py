"""Inference of a batch, shared among all replicas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]


class SharedInference:
    """Splits batches over the replicas of a strategy and joins their outputs.

    Every batch is padded to the largest one so far by repeating its last image, so that
    one graph serves all batches and every replica has work to do.
    """

    def __init__(
        self, function: Callable[[dict[str, tf.Tensor]], Any], use_tf_function: bool
    ):
        """Wraps a function; must be called inside the scope of the strategy.

        Args:
          function: takes a dict of tensors with a leading batch dimension, and returns
            a nest of such tensors; absent outputs are None.
          use_tf_function: False runs the function eagerly, for debugging.
        """
        self._strategy = tf.distribute.get_strategy()
        self._function = function
        self._share = 1
        self._run: Callable[[Any], Any] = self._run_replicas
        if use_tf_function:
            self._run = tf.function(
                self._run_replicas, reduce_retracing=True, autograph=False
            )

    def __call__(self, batch: Tensors) -> Any:
        """Runs the function on a batch of any size."""
        count = len(next(iter(batch.values())))
        outputs = self._run(self._share_out(batch, count))
        return tf.nest.map_structure(lambda value: self._joined(value, count), outputs)

    def _run_replicas(self, batch: Any) -> Any:
        return self._strategy.run(self._function, args=(batch,))

    def _share_out(self, batch: Tensors, count: int) -> dict[str, Any]:
        replicas = self._strategy.num_replicas_in_sync
        self._share = max(self._share, -(-count // replicas))
        rows = np.minimum(np.arange(self._share * replicas), count - 1)
        rows = rows.reshape(replicas, -1)
        if replicas == 1:
            return {name: tf.gather(value, rows[0]) for name, value in batch.items()}
        return {name: self._distribute(value, rows) for name, value in batch.items()}

    def _distribute(self, value: tf.Tensor, rows: np.ndarray) -> Any:
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.gather(value, rows[context.replica_id_in_sync_group])
        )

    def _joined(self, value: Any, count: int) -> tf.Tensor | None:
        if value is None:
            return None
        parts = self._strategy.experimental_local_results(value)
        return (parts[0] if len(parts) == 1 else tf.concat(parts, axis=0))[:count]
