"""Post-processing: from the continuous outputs of a model to classes and instances.

`POSTPROCESSORS.get(name)(evaluator_options, info)` returns a function that takes the
`Prediction` of a batch and its images, and returns the prediction with its discrete
fields filled in.
"""

from collections.abc import Callable

from deeplab.core.dataset_info import DatasetInfo
from deeplab.postprocess.base import PostProcessor
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.registry import Registry

POSTPROCESSORS: Registry[Callable[[EvaluatorOptions, DatasetInfo], PostProcessor]] = (
    Registry(
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
)
