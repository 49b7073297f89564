"""Layouts of arrays: how other frameworks store a weight, and how to turn it into ours.

TensorFlow keeps kernels of convolutions as `[height, width, in, out]` and those of
dense layers as `[in, out]`; PyTorch, MXNet and Caffe keep the outputs first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """A way from a stored array to one of ours.

    Attributes:
      name: what it is called in messages.
      shape: the shape of ours for a stored shape; None if no array of that shape has
        the layout.
      array: ours for a stored array, whose shape `shape` accepts; may be a view.
    """

    name: str
    shape: Callable[[Shape], Shape | None]
    array: Callable[[np.ndarray], np.ndarray]


def transposed(name: str, axes: Shape) -> Layout:
    """Returns the layout whose axes have another order.

    Args:
      name: what it is called.
      axes: the stored axis that becomes the first of ours, the second, and so on.
    """

    def shape(stored: Shape) -> Shape | None:
        if len(stored) != len(axes):
            return None
        return tuple(stored[axis] for axis in axes)

    return Layout(name, shape, lambda array: np.transpose(array, axes))


AS_STORED = Layout("as stored", lambda shape: shape, lambda array: array)

# `[out, in, height, width]` of a convolution becomes `[height, width, in, out]`;
# `[in, out, height, width]` of a transposed one `[height, width, out, in]`, as Keras
# has it.
CONVOLUTION = transposed("convolution, outputs first", (2, 3, 1, 0))

# `[channels, 1, height, width]` becomes `[height, width, channels, 1]`: one kernel for
# each channel.
DEPTHWISE = transposed("depthwise convolution, channels first", (2, 3, 0, 1))

# `[out, in]` becomes `[in, out]`.
DENSE = transposed("dense layer, outputs first", (1, 0))
