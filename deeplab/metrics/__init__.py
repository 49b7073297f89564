"""Evaluation metrics, computed with NumPy on the host, image by image.

`METRICS.get(name)(info, evaluator_options)` returns a `deeplab.metrics.base.Metric`.
"""

from collections.abc import Callable

from deeplab.core.dataset_info import DatasetInfo
from deeplab.metrics.base import Metric
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.registry import Registry

METRICS: Registry[Callable[[DatasetInfo, EvaluatorOptions], Metric]] = Registry(
    "metric",
    __name__,
    [
        "boundary_iou",
        "boundary_panoptic_quality",
        "cityscapes_instance_ap",
        "depth",
        "dstq",
        "dvpq",
        "instance_ap",
        "mean_iou",
        "panoptic_quality",
        "stq",
        "top_k_accuracy",
        "vpq",
        "vpq_2frames",
    ],
)
