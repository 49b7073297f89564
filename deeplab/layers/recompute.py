"""Gradient checkpointing: recompute activations in the backward pass.

Training Deep Nets with Sublinear Memory Cost, Tianqi Chen, Bing Xu, Chiyuan Zhang,
Carlos Guestrin, https://arxiv.org/abs/1604.06174. Takes the memory of one block
instead of all, for one more forward pass.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

_recomputing = contextvars.ContextVar("recomputing", default=False)


def is_recomputing() -> bool:
    """Returns whether the code runs for the second time, for its gradient.

    Layers with a side effect, such as moving averages, skip it then.
    """
    return _recomputing.get()


def recompute(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `function` so that its activations are not kept for the gradient.

    Args:
      function: takes and returns tensors. It must not draw random numbers, which
        would differ the second time: draw them outside and pass them in.

    Returns:
      The wrapped function, to be called once.
    """
    runs = 0

    def run(*args: Any) -> Any:
        nonlocal runs
        runs += 1
        with _second_run() if runs > 1 else contextlib.nullcontext():
            return function(*args)

    return tf.recompute_grad(run)


@contextlib.contextmanager
def _second_run() -> Iterator[None]:
    token = _recomputing.set(True)
    try:
        yield
    finally:
        _recomputing.reset(token)
