"""Heads: from the features of a backbone to the outputs of an architecture.

`HEADS.get(name)(model_options, feature_specs, norm, num_classes)` builds one from the
`ModelOptions` whose architecture it is.
"""

from collections.abc import Callable
from typing import Any

from deeplab.registry import Registry

HEADS: Registry[Callable[[Any, Any, Any, int], Any]] = Registry(
    "head",
    __name__,
    [
        "deeplab_v3",
        "deeplab_v3plus",
        "panoptic_deeplab",
    ],
)
