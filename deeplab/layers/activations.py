"""Activation functions under the names used in configs and papers."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

Activation = Callable[[tf.Tensor], tf.Tensor]


def hard_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """Returns a piecewise linear sigmoid: 0 below -3 and 1 above 3.

    Its slope is 0.16667, the rounded value used to train the published weights.
    """
    return tf.nn.relu6(x + 3.0) * 0.16667


def hard_swish(x: tf.Tensor) -> tf.Tensor:
    """Returns `x * relu6(x + 3) / 6` (MobileNetV3)."""
    return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def gelu(x: tf.Tensor) -> tf.Tensor:
    """Returns `x` times the probability that a normal variable is below `x`.

    Gaussian Error Linear Units (GELUs), Dan Hendrycks and Kevin Gimpel,
    https://arxiv.org/abs/1606.08415. TensorFlow's own implementation takes twice as
    long in float32 and seven times as long in bfloat16, because it computes erfc, which
    is not vectorised on CPUs. Below -5, where that implementation keeps its relative
    precision, this one is 0 within 1e-6.
    """
    # The sum has to be in float32: half precision cannot tell 1 - 1e-3 from 1.
    wide = tf.cast(x, tf.float32)
    half = 0.5 * wide
    return tf.cast(half + half * tf.math.erf(wide * 0.5**0.5), x.dtype)


_ACTIVATIONS: dict[str, Activation] = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "elu": tf.nn.elu,
    "sigmoid": tf.nn.sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "swish": tf.nn.silu,
    "silu": tf.nn.silu,
    "gelu": gelu,
    "approximated_gelu": functools.partial(tf.nn.gelu, approximate=True),
}


def get_activation(name: str) -> Activation:
    """Returns the activation function called `name`.

    Raises:
      ValueError: the name is unknown; the message lists all names.
    """
    try:
        return _ACTIVATIONS[name]
    except KeyError:
        known = ", ".join(sorted(_ACTIVATIONS))
        raise ValueError(f"unknown activation {name!r}; known: {known}") from None
