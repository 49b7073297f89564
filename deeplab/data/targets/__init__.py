"""Training targets. Each is a function by name, from label segments to fields.

`TARGETS.get(name)(segments, options)` returns a dict of fields of
`deeplab.core.structures.Example`, without the batch dimension.
"""

from collections.abc import Callable

import tensorflow as tf

from deeplab.data.targets.segments import Segments, TargetOptions
from deeplab.registry import Registry

TARGETS: Registry[Callable[[Segments, TargetOptions], dict[str, tf.Tensor]]] = Registry(
    "target",
    __name__,
    [
        "centers",
        "semantic",
    ],
)
