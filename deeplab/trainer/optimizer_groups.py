"""Builds optimizers, possibly with separate learning rates for groups of variables.

Variables are grouped by the object that owns them, never by name: those of the
backbone have their own learning rate when the config asks for one, and weight decay
applies only to kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.protos.trainer_pb2 import SolverOptions
from deeplab.trainer.schedules import build_schedule

# Attributes in which layers store convolution and matrix kernels.
_KERNEL_ATTRIBUTES = ("kernel", "depthwise_kernel", "pointwise_kernel", "weight")


class GroupedOptimizer(tf_keras.optimizers.Optimizer):
    """Several optimizers that act as one, each on its own group of variables."""

    def __init__(
        self,
        groups: Sequence[tuple[tf_keras.optimizers.Optimizer, Iterable[tf.Variable]]],
        name: str = "grouped",
    ):
        """Combines the optimizers.

        Args:
          groups: pairs of an optimizer and the variables that it updates. The learning
            rate of the first is the one that is reported.
          name: name of the optimizer.
        """
        super().__init__(name=name, jit_compile=False)
        self.optimizers = [optimizer for optimizer, _ in groups]
        self._group_of = {
            self._var_key(variable): index
            for index, (_, variables) in enumerate(groups)
            for variable in variables
        }

    @property
    def learning_rate(self) -> Any:
        """Learning rate of the first group."""
        return self.optimizers[0].learning_rate

    def build(self, var_list: Iterable[tf.Variable]) -> None:
        """Creates the slot variables of every group."""
        var_list = list(var_list)
        for index, optimizer in enumerate(self.optimizers):
            optimizer.build([v for v in var_list if self._group(v) == index])

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, tf.Variable]],
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
        **kwargs: Any,
    ) -> tf.Variable:
        """Passes every gradient to the optimizer of its variable."""
        pairs = list(grads_and_vars)
        for index, optimizer in enumerate(self.optimizers):
            optimizer.apply_gradients(
                [pair for pair in pairs if self._group(pair[1]) == index],
                name=name,
                skip_gradients_aggregation=skip_gradients_aggregation,
                **kwargs,
            )
        return self.iterations.assign_add(1)

    def _group(self, variable: tf.Variable) -> int:
        return self._group_of[self._var_key(variable)]


def kernels(model: tf_keras.Model) -> list[tf.Variable]:
    """Returns the trainable convolution and matrix kernels of a model."""
    found = {}
    for module in model.submodules:
        for attribute in _KERNEL_ATTRIBUTES:
            value = getattr(module, attribute, None)
            if isinstance(value, tf.Variable) and value.trainable:
                found[id(value)] = value
    return list(found.values())


def build_optimizer(
    options: SolverOptions,
    model: tf_keras.Model,
    backbone: Sequence[tf.Variable],
    batch_size: int,
    scale_loss: bool = False,
) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer of a model and creates its slot variables.

    Call this inside the scope of the distribution strategy.

    Args:
      options: optimizer, learning rate and weight decay.
      model: the model to train; its variables exist already.
      backbone: variables of the model whose learning rate is scaled by
        `backbone_learning_rate_multiplier`.
      batch_size: images per step, over all replicas.
      scale_loss: whether to scale the loss, which float16 needs.

    Raises:
      ValueError: the optimizer or the learning policy is unknown.
    """
    make = _maker(options, model)

    def group(multiplier: float) -> tf_keras.optimizers.Optimizer:
        return make(build_schedule(options, batch_size, multiplier))

    optimizer = group(1.0)
    if options.HasField("backbone_learning_rate_multiplier"):
        own = {id(v) for v in backbone}
        rest = [v for v in model.trainable_variables if id(v) not in own]
        backbone_optimizer = group(options.backbone_learning_rate_multiplier)
        optimizer = GroupedOptimizer(
            [(optimizer, rest), (backbone_optimizer, backbone)]
        )
    if scale_loss:
        wrap: Any = tf_keras.mixed_precision.LossScaleOptimizer
        optimizer = wrap(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def _maker(
    options: SolverOptions, model: tf_keras.Model
) -> Callable[[Any], tf_keras.optimizers.Optimizer]:
    """Returns a function that makes an optimizer from a schedule."""
    optimizers = tf_keras.optimizers
    makers = {
        "sgd": lambda rate: optimizers.SGD(
            rate, momentum=options.momentum, jit_compile=False
        ),
        "adam": lambda rate: optimizers.Adam(rate, jit_compile=False),
        "adamw": lambda rate: _adamw(rate, options.adamw_weight_decay, model),
    }
    if options.optimizer not in makers:
        raise ValueError(
            f"optimizer {options.optimizer!r} is unknown; choose one of "
            f"{', '.join(makers)}"
        )
    return makers[options.optimizer]


def _adamw(
    rate: Any, weight_decay: float, model: tf_keras.Model
) -> tf_keras.optimizers.Optimizer:
    optimizer = tf_keras.optimizers.AdamW(
        rate, weight_decay=weight_decay, jit_compile=False
    )
    decayed = {id(v) for v in kernels(model)}
    optimizer.exclude_from_weight_decay(
        var_list=[v for v in model.trainable_variables if id(v) not in decayed]
    )
    return optimizer
