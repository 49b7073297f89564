"""Training targets: named functions from label maps to fields of an example.

`TARGETS.get(name)(frames, options)` returns a dict of fields of
`deeplab.core.structures.Example`, without the batch dimension.
"""

from collections.abc import Callable

import tensorflow as tf

from deeplab.data.targets.segments import Frames, TargetOptions
from deeplab.registry import Registry

TARGETS: Registry[Callable[[Frames, TargetOptions], dict[str, tf.Tensor]]] = Registry(
    "target",
    __name__,
    [
        "centers",
        "depth",
        "motion",
        "next_frame",
        "semantic",
        "thing_masks",
    ],
)

# Targets that need more than the labels of the current frame -> the field of `Frames`
# that they read.
NEEDS = {"depth": "depth", "motion": "previous", "next_frame": "next"}
