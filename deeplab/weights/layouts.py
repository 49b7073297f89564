"""Array layouts: how other frameworks store a weight, and how to convert it to ours.

TensorFlow stores convolution kernels as `[height, width, in, out]` and dense kernels as
`[in, out]`; PyTorch, MXNet and Caffe store the output channels first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """A conversion from a stored array to our layout.

    Attributes:
      name: name of the layout in messages.
      shape: maps a stored shape to the shape in our layout, or to None if no array of
        that shape can have this layout.
      array: converts a stored array whose shape `shape` accepts; may return a view.
    """

    name: str
    shape: Callable[[Shape], Shape | None]
    array: Callable[[np.ndarray], np.ndarray]


def transposed(name: str, axes: Shape) -> Layout:
    """Returns a layout whose axes are permuted.

    Args:
      name: name of the layout in messages.
      axes: for each of our axes in order, the stored axis that it comes from.
    """

    def shape(stored: Shape) -> Shape | None:
        if len(stored) != len(axes):
            return None
        return tuple(stored[axis] for axis in axes)

    return Layout(name, shape, lambda array: np.transpose(array, axes))


AS_STORED = Layout("as stored", lambda shape: shape, lambda array: array)

# A convolution's `[out, in, height, width]` becomes `[height, width, in, out]`. A
# transposed convolution's `[in, out, height, width]` becomes
# `[height, width, out, in]`, as in Keras.
CONVOLUTION = transposed("convolution, outputs first", (2, 3, 1, 0))

# `[channels, 1, height, width]` becomes `[height, width, channels, 1]`: one kernel per
# channel.
DEPTHWISE = transposed("depthwise convolution, channels first", (2, 3, 0, 1))

# `[out, in]` becomes `[in, out]`.
DENSE = transposed("dense layer, outputs first", (1, 0))
