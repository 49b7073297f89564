"""Top-1 and top-5 accuracy of image classification.

Olga Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015
(https://arxiv.org/abs/1409.0575): a prediction is correct if the class of the image is
among the k most probable ones. Equally probable classes are ordered by id.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_truth, image_name
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

_KS = (1, 5)


class TopKAccuracy:
    """The number of images, and of correct predictions for each k."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the classes of a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        # [1 + number of ks] int64: images, then correct predictions for each k.
        self._counts = np.zeros(1 + len(_KS), np.int64)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image: `class_gt`, a scalar, and `class_probs`, [classes] float32.

        Images with the ignore label are ignored.

        Raises:
          ValueError: a field is missing, or does not fit the data set.
        """
        if example.class_gt is None or prediction.class_probs is None:
            missing = "class_gt" if example.class_gt is None else "class_probs"
            raise ValueError(f"{image_name(example)}: no {missing} to evaluate")
        truth, probs = int(example.class_gt), np.asarray(prediction.class_probs)
        check_truth(example, self._info, [truth])
        if probs.shape != (self._info.num_classes,):
            raise ValueError(
                f"{image_name(example)}: class_probs has shape {probs.shape}, but "
                f"{self._info.name!r} has {self._info.num_classes} classes"
            )
        if truth == self._info.ignore_label:
            return
        before = np.sum(probs > probs[truth]) + np.sum(probs[:truth] == probs[truth])
        self._counts += [1, *(before < k for k in _KS)]

    def result(self) -> dict[str, float]:
        """Returns "top_1" and "top_5" in percent."""
        images, *right = self._counts.tolist()
        return {
            f"top_{k}": 100.0 * count / max(images, 1)
            for k, count in zip(_KS, right, strict=True)
        }

    def merge(self, other: TopKAccuracy) -> None:
        """Adds the images of another metric."""
        self._counts += other._counts

    def state(self) -> dict[str, np.ndarray]:
        """Returns the counts."""
        return {"counts": self._counts.copy()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the counts."""
        self._counts = np.array(state["counts"], np.int64)


@METRICS.register("top_k_accuracy")
def build_top_k_accuracy(info: DatasetInfo, options: EvaluatorOptions) -> TopKAccuracy:
    """Returns the metric, which has no options."""
    del options
    return TopKAccuracy(info)
