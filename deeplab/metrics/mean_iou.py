"""Mean intersection over union of the classes, and pixel accuracies.

The Pascal Visual Object Classes (VOC) Challenge, M. Everingham, L. Van Gool,
C. K. I. Williams, J. Winn, A. Zisserman, IJCV 2010,
https://doi.org/10.1007/s11263-009-0275-4. As in the Cityscapes scripts, pixels
labelled void are ignored, and classes that occur neither in the ground truth nor in the
predictions are excluded from the mean. A pixel predicted as void is a false negative.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps, check_prediction, check_truth
from deeplab.metrics.overlaps import overlap_areas
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class MeanIoU:
    """The confusion matrix of the classes over all pixels of all images."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the classes of a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        # [true class, predicted class] int64 pixel counts; the last column is void.
        size = self._info.num_classes
        self._confusion = np.zeros((size, size + 1), np.int64)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image: `semantic_raw` and `semantic_pred`, [h, w] int32."""
        check_maps(
            example,
            semantic_raw=example.semantic_raw,
            semantic_pred=prediction.semantic_pred,
        )
        truth, predicted, areas = overlap_areas(
            example.semantic_raw, prediction.semantic_pred
        )
        check_truth(example, self._info, truth)
        check_prediction(example, self._info, predicted)
        labelled = truth != self._info.ignore_label
        void = ~np.isin(predicted, list(self._info.by_id))
        predicted = np.where(void, self._info.num_classes, predicted)
        np.add.at(
            self._confusion, (truth[labelled], predicted[labelled]), areas[labelled]
        )

    def result(self) -> dict[str, float]:
        """Returns IoUs and accuracies in percent.

        The names are "miou"; "frequency_weighted_iou", where classes are weighted by
        their number of labelled pixels; "pixel_accuracy"; "mean_accuracy", the mean
        recall of the classes; and "iou/<class>".
        """
        right = self._confusion.diagonal()
        true = self._confusion.sum(axis=1)
        union = true + self._confusion[:, :-1].sum(axis=0) - right
        ious = {
            c.name: 100.0 * int(right[c.id]) / int(union[c.id])
            for c in self._occurring(union)
        }
        pixels = max(int(true.sum()), 1)
        weighted = [ious[c.name] * int(true[c.id]) for c in self._occurring(union)]
        found = [int(right[c.id]) / int(true[c.id]) for c in self._occurring(true)]
        return {
            "miou": sum(ious.values()) / max(len(ious), 1),
            "frequency_weighted_iou": sum(weighted) / pixels,
            "pixel_accuracy": 100.0 * int(right.sum()) / pixels,
            "mean_accuracy": 100.0 * sum(found) / max(len(found), 1),
            **{f"iou/{name}": iou for name, iou in ious.items()},
        }

    def _occurring(self, pixels: np.ndarray) -> list[ClassInfo]:
        return [c for c in self._info.classes if pixels[c.id]]

    def merge(self, other: MeanIoU) -> None:
        """Adds the images of another metric."""
        self._confusion += other._confusion

    def state(self) -> dict[str, np.ndarray]:
        """Returns the confusion matrix."""
        return {"confusion": self._confusion.copy()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the confusion matrix.

        Raises:
          ValueError: the matrix is for another number of classes.
        """
        confusion = np.asarray(state["confusion"], np.int64)
        if confusion.shape != self._confusion.shape:
            raise ValueError(
                f"the stored confusion matrix has shape {confusion.shape}, but "
                f"{self._info.name!r} needs {self._confusion.shape}"
            )
        self._confusion = confusion.copy()


@METRICS.register("mean_iou")
def build_mean_iou(info: DatasetInfo, options: EvaluatorOptions) -> MeanIoU:
    """Returns the metric, which has no options."""
    del options
    return MeanIoU(info)
