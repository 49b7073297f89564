"""The training step, and the inner loop over steps that Orbit's controller calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from deeplab.core.structures import Batch, Example
from deeplab.losses.composite import TOTAL, CompositeLoss
from deeplab.trainer.non_finite import NonFiniteLossError, to_host

AfterStep = Callable[[int, float, Mapping[str, float]], None]


@dataclass(frozen=True)
class StepOptions:
    """Batch size and regularisation of a training step.

    Attributes:
      batch_size: images per step, over all replicas.
      weight_decay: adds weight_decay / 2 * sum(kernel^2) to the loss.
      clip_norm: largest global norm of the gradient; 0 disables clipping.
    """

    batch_size: int
    weight_decay: float = 0.0
    clip_norm: float = 0.0


@dataclass(frozen=True)
class StepHooks:
    """What the loop over the steps asks and tells its surroundings.

    Attributes:
      after_step: called after every step with the step, the seconds that it waited for
        data, and the latest known losses; an exception that it raises ends the loop
        cleanly.
      logs_at: tells whether a loop that ends at a given step returns averages.
    """

    after_step: AfterStep = lambda step, waited, values: None
    logs_at: Callable[[int], bool] = lambda step: True


class StepTrainer(orbit.StandardTrainer):
    """Trains a model step by step.

    The loop runs in Python, with one graph call per step. This shows where the time
    goes and which batch made the loss non-finite, and a signal takes effect after the
    current step. The loss is averaged over the global batch.
    """

    def __init__(
        self,
        *,
        make_dataset: Callable[[int], Any],
        model: tf_keras.Model,
        loss: CompositeLoss,
        optimizer: tf_keras.optimizers.Optimizer,
        kernels: list[tf.Variable],
        global_step: tf.Variable,
        options: StepOptions,
        hooks: StepHooks = StepHooks(),
    ):
        """Prepares training; call this inside the scope of the strategy.

        Args:
          make_dataset: takes the number of a batch, and returns the endless
            (distributed) data set of `Batch`es that starts there.
          model: called with images and `training=True`.
          loss: takes the example and the model's outputs.
          optimizer: built for the model's trainable variables.
          kernels: variables that weight decay applies to.
          global_step: step counter.
          options: batch size, weight decay and clipping.
          hooks: what is called after every step, and when averages are returned.
        """
        super().__init__(None)
        self._make_dataset = make_dataset
        self._strategy = tf.distribute.get_strategy()
        self._model = model
        self._loss = loss
        self._optimizer = optimizer
        self._scaler = (
            optimizer
            if isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
            else None
        )
        self._kernels = kernels if options.weight_decay > 0 else []
        self._global_step = global_step
        self._options = options
        self._after_step = hooks.after_step
        self._logs_at = hooks.logs_at
        self._names = [*loss.names, *(["weight_decay"] if self._kernels else [])]
        self._names.append("gradient_norm")
        self._run = tf.function(self._distributed_step, autograph=False)
        self._pending: tuple[int, Batch, tf.Tensor] | None = None
        self.last_values: dict[str, float] = {}
        # Sums since the last log. They are in the checkpoint, so that a resumed run
        # logs the same averages.
        self.sums = tf.Variable(
            tf.zeros([len(self._names)]),
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.count = tf.Variable(tf.zeros([], tf.int64), trainable=False)
        # Images read so far: a resumed run continues with the next one.
        self.examples = tf.Variable(tf.zeros([], tf.int64), trainable=False)

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """What a resumed run needs besides the model; name in checkpoints -> object."""
        return {
            "optimizer": self._optimizer,
            "loss_sums": self.sums,
            "loss_count": self.count,
            "examples": self.examples,
        }

    def open_data(self) -> None:
        """Opens the data set at the position given by `examples`."""
        size = self._options.batch_size
        self.train_dataset = self._make_dataset(-(-int(self.examples.numpy()) // size))

    def train_loop_begin(self) -> None:
        """Opens the data set if it is not open."""
        if self.train_dataset is None:
            self.open_data()

    def create_train_loop_fn(self) -> Callable[[Any, tf.Tensor], None]:
        """Returns the loop, which runs in Python."""
        return self._loop

    def train_step(self, iterator: Iterator[Batch]) -> tf.Tensor:
        """Takes one step with the next batch; returns its losses and gradient norm."""
        return self._run(next(iterator).device)

    def train_loop_end(self) -> dict[str, float]:
        """Returns name -> average since the last log, and resets the averages."""
        if not self._logs_at(int(self._global_step.numpy())):
            return {}
        averages = self.sums.numpy() / max(int(self.count.numpy()), 1)
        self.sums.assign(tf.zeros_like(self.sums))
        self.count.assign(0)
        values = {_tag(n): float(v) for n, v in zip(self._names, averages, strict=True)}
        values["learning_rate"] = float(
            tf.convert_to_tensor(self._optimizer.learning_rate)
        )
        return values

    def _loop(self, iterator: Iterator[Batch], num_steps: tf.Tensor) -> None:
        first = int(self._global_step.numpy()) + 1
        self._pending = None
        for step in range(first, first + int(num_steps)):
            start = time.monotonic()
            batch = next(iterator)
            waited = time.monotonic() - start
            values = self._run(batch.device)
            # The previous step is checked only now, so that a GPU never idles.
            self._check_pending()
            self._pending = (step, batch, values)
            try:
                self._after_step(step, waited, self.last_values)
            except Exception:
                self._check_pending()
                raise
        self._check_pending()

    def _check_pending(self) -> None:
        """Raises NonFiniteLossError if a value of the last step is not finite."""
        if self._pending is None:
            return
        step, batch, values = self._pending
        self._pending = None
        self.last_values = dict(zip(self._names, values.numpy().tolist(), strict=True))
        checked = dict(self.last_values)
        if self._scaler is not None:
            # If the scaled gradient overflows, the optimizer lowers the scale.
            del checked["gradient_norm"]
        if not np.isfinite(list(checked.values())).all():
            fields = {**batch.device, **batch.host}
            raise NonFiniteLossError(step, checked, to_host(fields, self._strategy))

    def _distributed_step(self, fields: Mapping[str, Any]) -> tf.Tensor:
        """Takes one step with the device part of a (distributed) batch."""
        values = self._strategy.run(self._replica_step, args=(fields,))
        self._global_step.assign_add(1)
        self.count.assign_add(1)
        self.examples.assign_add(self._options.batch_size)
        return self._strategy.experimental_local_results(values)[0]

    def _replica_step(self, fields: Mapping[str, tf.Tensor]) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        replicas = self._strategy.num_replicas_in_sync
        example = Example(**fields)
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self._model(example.image, training=True)
            losses = self._global_means(self._loss(example, outputs))
            if self._kernels:
                losses["weight_decay"] = self._weight_decay() / replicas
                losses[TOTAL] += losses["weight_decay"]
            objective = losses[TOTAL]
            if self._scaler is not None:
                objective = self._scaler.get_scaled_loss(objective)
        gradients = tape.gradient(objective, variables)
        pairs = [
            (g, v) for g, v in zip(gradients, variables, strict=True) if g is not None
        ]
        gradients, variables = [g for g, _ in pairs], [v for _, v in pairs]
        if self._scaler is not None:
            gradients = self._scaler.get_unscaled_gradients(gradients)
        # Gradients are summed before clipping, so that the number of replicas does not
        # matter.
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        norm = tf.linalg.global_norm(gradients)
        if self._options.clip_norm > 0:
            gradients, _ = tf.clip_by_global_norm(
                gradients, self._options.clip_norm, use_norm=norm
            )
        self._optimizer.apply_gradients(
            list(zip(gradients, variables, strict=True)),
            skip_gradients_aggregation=True,
        )
        shares = tf.stack([losses[name] for name in self._names[:-1]])
        sums = context.all_reduce(tf.distribute.ReduceOp.SUM, shares)
        values = tf.concat([sums, norm[tf.newaxis]], axis=0)
        self.sums.assign_add(values)
        return values

    def _global_means(self, losses: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns this replica's share of the averages over the global batch."""
        return {
            name: tf.reduce_sum(value) / self._options.batch_size
            for name, value in losses.items()
        }

    def _weight_decay(self) -> tf.Tensor:
        squares = [
            tf.reduce_sum(tf.square(tf.cast(k, tf.float32))) for k in self._kernels
        ]
        return self._options.weight_decay / 2.0 * tf.add_n(squares)


def _tag(name: str) -> str:
    return name if name == "gradient_norm" else f"losses/{name}"
