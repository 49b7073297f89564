"""Heads: from the features of a backbone to the outputs of an architecture.

`HEADS.get(name)(model_options, feature_specs, norm, info)` builds one from the
`ModelOptions` whose architecture it is, for the classes of a data set.
"""

from collections.abc import Callable
from typing import Any

from deeplab.core.dataset_info import DatasetInfo
from deeplab.registry import Registry

HEADS: Registry[Callable[[Any, Any, Any, DatasetInfo], Any]] = Registry(
    "head",
    __name__,
    [
        "deeplab_v3",
        "deeplab_v3plus",
        "image_classifier",
        "max_deeplab",
        "motion_deeplab",
        "panoptic_deeplab",
        "vip_deeplab",
    ],
)
