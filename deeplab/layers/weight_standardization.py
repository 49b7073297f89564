"""Weight standardisation of convolution kernels.

Micro-Batch Training with Batch-Channel Normalization and Weight Standardization,
Siyuan Qiao, Huiyu Wang, Chenxi Liu, Wei Shen, Alan Yuille,
https://arxiv.org/abs/1903.10520. As in the authors' code, the variance is the unbiased
estimate (n - 1), and 1e-5 is added to the standard deviation instead of the variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

EPSILON = 1e-5
# The square root has no gradient at 0.
_SMALLEST_VARIANCE = float(np.finfo(np.float32).tiny)


def standardized(kernel: tf.Tensor, axes: Sequence[int]) -> tf.Tensor:
    """Standardises a kernel to mean 0 and variance 1 over some of its axes.

    Args:
      kernel: weights of any shape and precision.
      axes: axes of the weights that contribute to one output channel.

    Returns:
      `(kernel - mean) / (deviation + 1e-5)`, with the shape of `kernel`, in float32 or,
      if `kernel` is float64, float64.
    """
    wide = tf.cast(kernel, tf.float64 if kernel.dtype == tf.float64 else tf.float32)
    centered = wide - tf.reduce_mean(wide, axes, keepdims=True)
    shape: Any = kernel.shape
    count = math.prod(shape[axis] for axis in axes)
    total = tf.reduce_sum(tf.square(centered), axes, keepdims=True)
    variance = total / max(count - 1, 1)
    deviation = tf.sqrt(tf.maximum(variance, _SMALLEST_VARIANCE))
    return centered / (deviation + EPSILON)
