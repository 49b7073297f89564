"""Weight standardisation of the kernels of convolutions.

Micro-Batch Training with Batch-Channel Normalization and Weight Standardization,
Siyuan Qiao, Huiyu Wang, Chenxi Liu, Wei Shen, Alan Yuille,
https://arxiv.org/abs/1903.10520. As in the authors' code, the standard deviation is the
unbiased one (n - 1), and 1e-5 is added to it, not to the variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

EPSILON = 1e-5
# A root of 0 has no gradient.
_SMALLEST_VARIANCE = float(np.finfo(np.float32).tiny)


def standardized(kernel: tf.Tensor, axes: Sequence[int]) -> tf.Tensor:
    """Returns a kernel of mean 0 and variance 1 over some of its axes.

    Args:
      kernel: weights of any shape and precision.
      axes: the axes of the weights that make one output channel.

    Returns:
      A tensor of the shape of `kernel`, float32 unless that is float64:
      `(kernel - mean) / (deviation + 1e-5)`.
    """
    wide = tf.cast(kernel, tf.float64 if kernel.dtype == tf.float64 else tf.float32)
    centered = wide - tf.reduce_mean(wide, axes, keepdims=True)
    shape: Any = kernel.shape
    count = math.prod(shape[axis] for axis in axes)
    total = tf.reduce_sum(tf.square(centered), axes, keepdims=True)
    variance = total / max(count - 1, 1)
    deviation = tf.sqrt(tf.maximum(variance, _SMALLEST_VARIANCE))
    return centered / (deviation + EPSILON)
