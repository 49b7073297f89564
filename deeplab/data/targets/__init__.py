"""Training targets. Each is a function by name, from label maps to fields.

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

# Targets that need more of a record than the frame and its labels: the field of
# `Frames` that they read.
NEEDS = {"depth": "depth", "motion": "previous", "next_frame": "next"}
