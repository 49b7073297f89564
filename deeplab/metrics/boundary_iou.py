"""Mean boundary IoU of the classes: how well the boundaries of class regions match.

Boundary IoU: Improving Object-Centric Image Segmentation Evaluation, B. Cheng,
R. Girshick, P. Dollár, A. C. Berg, A. Kirillov, CVPR 2021,
https://arxiv.org/abs/2103.16562: the IoU of two masks, restricted to pixels near their
boundaries. As for the mean IoU, pixels are counted over all images, pixels labelled
void are ignored, and classes that never occur are excluded from the mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps, check_prediction, check_truth
from deeplab.metrics.boundary_pixels import boundary_pixels
from deeplab.metrics.overlaps import overlap_areas
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class BoundaryIoU:
    """Counts of true, predicted and correctly predicted boundary pixels."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the classes of a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        # [3, classes] int64 numbers of boundary pixels: true, predicted, both.
        self._pixels = np.zeros((3, self._info.num_classes), np.int64)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image: `semantic_raw` and `semantic_pred`, [h, w] int32."""
        truth, predicted = example.semantic_raw, prediction.semantic_pred
        check_maps(example, semantic_raw=truth, semantic_pred=predicted)
        found = overlap_areas(truth, predicted)
        check_truth(example, self._info, found[0])
        check_prediction(example, self._info, found[1])
        labelled = truth != self._info.ignore_label
        of_class = np.isin(predicted, list(self._info.by_id))
        true_edge = boundary_pixels(truth) & labelled
        predicted_edge = boundary_pixels(predicted) & labelled & of_class
        agreed = true_edge & predicted_edge & (truth == predicted)
        for row, (labels, where) in enumerate(
            [(truth, true_edge), (predicted, predicted_edge), (truth, agreed)]
        ):
            self._pixels[row] += np.bincount(
                labels[where], minlength=self._info.num_classes
            )

    def result(self) -> dict[str, float]:
        """Returns "miou" and "iou/<class>", in percent."""
        true, predicted, agreed = self._pixels
        union = true + predicted - agreed
        ious = {
            c.name: 100.0 * int(agreed[c.id]) / int(union[c.id])
            for c in self._info.classes
            if union[c.id]
        }
        return {
            "miou": sum(ious.values()) / max(len(ious), 1),
            **{f"iou/{name}": iou for name, iou in ious.items()},
        }

    def merge(self, other: BoundaryIoU) -> None:
        """Adds the images of another metric."""
        self._pixels += other._pixels

    def state(self) -> dict[str, np.ndarray]:
        """Returns the pixel counts."""
        return {"pixels": self._pixels.copy()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the pixel counts.

        Raises:
          ValueError: the counts are for another number of classes.
        """
        pixels = np.asarray(state["pixels"], np.int64)
        if pixels.shape != self._pixels.shape:
            raise ValueError(
                f"the stored counts have shape {pixels.shape}, but "
                f"{self._info.name!r} needs {self._pixels.shape}"
            )
        self._pixels = pixels.copy()


@METRICS.register("boundary_iou")
def build_boundary_iou(info: DatasetInfo, options: EvaluatorOptions) -> BoundaryIoU:
    """Returns the metric, which has no options."""
    del options
    return BoundaryIoU(info)
