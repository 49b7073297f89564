"""Gradient checkpointing: recompute activations in the backward pass.

Training Deep Nets with Sublinear Memory Cost, Tianqi Chen, Bing Xu, Chiyuan Zhang,
Carlos Guestrin, https://arxiv.org/abs/1604.06174. It needs the memory of one block
instead of all blocks, at the cost of a second forward pass.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

_recomputing = contextvars.ContextVar("recomputing", default=False)


def is_recomputing() -> bool:
    """Returns whether the code is running a second time, to compute gradients.

    Layers skip side effects, such as updates of moving averages, in the second run.
    """
    return _recomputing.get()


def recompute(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `function` so that its activations are not kept for the gradient.

    Args:
      function: takes and returns tensors. It must not draw random numbers, because they
        would differ in the second run; draw them outside and pass them in.

    Returns:
      The wrapped function.
    """

    @tf.autograph.experimental.do_not_convert
    @tf.custom_gradient
    def run(*args: Any) -> Any:
        def gradient(*upstream: tf.Tensor, variables: Sequence[Any] = ()) -> Any:
            wait = _zero_after(upstream)
            late = [x + tf.cast(wait, x.dtype) for x in args]
            with tf.GradientTape() as tape, _second_run():
                tape.watch(late)
                outputs = function(*late)
            gradients: Any = tape.gradient(
                tf.nest.flatten(outputs),
                [late, list(variables)],
                output_gradients=list(upstream),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            of_args, of_variables = gradients
            return (of_args, of_variables) if variables else of_args

        return function(*args), gradient

    return run


def _zero_after(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns a 0 whose computation depends on `tensors`.

    It keeps the second run from being moved to and merged with the first, which
    `tf.recompute_grad` allows if the gradient of the first output is constant.
    """
    firsts = [tf.cast(tf.reshape(t, [-1])[:1], tf.float32) for t in tensors]
    return tf.minimum(tf.reduce_sum(tf.abs(tf.concat(firsts, axis=0))), 0.0)


@contextlib.contextmanager
def _second_run() -> Iterator[None]:
    token = _recomputing.set(True)
    try:
        yield
    finally:
        _recomputing.reset(token)
