"""Group normalisation: the statistics are those of a group of channels of one image.

Group Normalization, Yuxin Wu and Kaiming He, ECCV 2018,
https://arxiv.org/abs/1803.08494. It does not depend on the batch, and is the same in
training and evaluation.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.norms import NORMS
from deeplab.layers.norms.base import Norm


@NORMS.register("group")
class GroupNormalization(Norm):
    """Group normalisation with float32 statistics.

    Statistics are separate for each index of the first axis that is not in `axis` (the
    image), for each index of the axes in `axis` except the last axis of the input (the
    terms and heads of attention), and for each group of channels along the last axis.
    """

    options = ("groups", "epsilon")

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
        super().__init__(norm, name=name, dtype=dtype)
        self._groups = norm.groups
        self._epsilon = norm.epsilon
        self._axes = (axis,) if isinstance(axis, int) else axis
        self._gamma_initializer = tf_keras.initializers.get(gamma_initializer)

    def build(self, input_shape: Any) -> None:
        """Creates scale and shift.

        Raises:
          ValueError: the groups do not divide the channels.
        """
        rank = len(input_shape)
        own = {axis % rank for axis in self._axes}
        last = rank - 1
        channels = input_shape[last]
        if last in own and channels % self._groups:
            raise ValueError(
                f"group norm of {tf.get_current_name_scope() or self.name}: "
                f"{self._groups} groups cannot share {channels} channels; choose a "
                "number of groups that divides them, or another kind of norm"
            )
        image = min(set(range(rank)) - own)
        reduced = set(range(rank)) - own - {image}
        # The last axis is split into groups and channels; channels are averaged over.
        self._reduced = sorted(reduced | {rank}) if last in own else sorted(reduced)
        self._split = [self._groups, channels // self._groups] if last in own else None
        shape = [input_shape[axis] if axis in own else 1 for axis in range(rank)]
        self._broadcast = shape[:last] + (self._split or [1])
        if len(own) == 1:
            shape = [input_shape[axis] for axis in own]
        self.gamma = self._parameter("gamma", shape, self._gamma_initializer)
        self.beta = self._parameter("beta", shape, "zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the normalised `inputs`, of the same shape and precision."""
        del training
        x = tf.cast(inputs, self.gamma.dtype)
        if self._split is not None:
            x = tf.reshape(x, tf.concat([tf.shape(x)[:-1], self._split], axis=0))
        mean, variance = tf.nn.moments(x, self._reduced, keepdims=True)
        scale = tf.math.rsqrt(variance + self._epsilon)
        scale *= tf.reshape(self.gamma, self._broadcast)
        x = (x - mean) * scale + tf.reshape(self.beta, self._broadcast)
        x = tf.cast(tf.reshape(x, tf.shape(inputs)), inputs.dtype)
        return tf.ensure_shape(x, inputs.shape)

    def _parameter(self, name: str, shape: list[int], initializer: Any) -> tf.Variable:
        # Never 16 bits, as in batch normalisation.
        stored = tf.as_dtype(self.variable_dtype or "float32")
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype=stored if stored.size > 2 else tf.float32,
            experimental_autocast=False,
        )
