"""Post-processing: from the continuous maps of a model to classes and instances.

`POSTPROCESSORS.get(name)(evaluator_options, info)` returns a function that takes the
`Prediction` of a batch and returns it with the discrete maps filled in.
"""

from collections.abc import Callable
from typing import Any

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.registry import Registry

PostProcessor = Callable[[Prediction], Prediction]

POSTPROCESSORS: Registry[Callable[[Any, DatasetInfo], PostProcessor]] = Registry(
    "post-processor",
    __name__,
    [
        "center_offset",
        "image_class",
        "masks",
        "semantic",
        "track_assignment",
        "video_stitching",
    ],
)
