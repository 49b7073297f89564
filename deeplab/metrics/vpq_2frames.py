"""Video panoptic quality of frame pairs, for networks that take two frames.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258). It is the panoptic
quality of a frame and the next one as a single image, so that instances have to keep
their ids. Crowds are treated as in `panoptic_quality`; the code published with DeepLab2
treats each crowd as a segment.
"""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps
from deeplab.metrics.panoptic_quality import PanopticQuality
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class PairPanopticQuality(PanopticQuality):
    """Panoptic quality over the joint pixels of a frame and the next one."""

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one frame pair.

        Reads `panoptic_raw`, `next_panoptic_raw`, `panoptic_pred` and
        `next_panoptic_pred`, [h, w] int32.
        """
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            next_panoptic_raw=example.next_panoptic_raw,
            panoptic_pred=prediction.panoptic_pred,
            next_panoptic_pred=prediction.next_panoptic_pred,
        )
        truth = (example.panoptic_raw, example.next_panoptic_raw)
        predicted = (prediction.panoptic_pred, prediction.next_panoptic_pred)
        super().update(
            example._replace(panoptic_raw=np.concatenate(truth)),
            prediction._replace(panoptic_pred=np.concatenate(predicted)),
        )


@METRICS.register("vpq_2frames")
def build_vpq_2frames(
    info: DatasetInfo, options: EvaluatorOptions
) -> PairPanopticQuality:
    """Returns the metric, which has no options."""
    del options
    return PairPanopticQuality(info)
