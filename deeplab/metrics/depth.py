"""Errors of depth maps, averaged over images.

Jonas Uhrig et al., "Sparsity Invariant CNNs", 3DV 2017
(https://arxiv.org/abs/1708.06500), for SILog; David Eigen et al., "Depth Map
Prediction from a Single Image using a Multi-Scale Deep Network", NeurIPS 2014
(https://arxiv.org/abs/1406.2283), for the others. As published, each is a mean over
the pixels of an image whose depth is known, and then over the images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Largest ratio of predicted and true depth of an inlier.
_INLIER = 1.25
# Metres; what is predicted nearer counts as that far, since it has a logarithm.
_NEAREST = 1e-3
_NAMES = ("inlier", "silog", "abs_rel", "sq_rel", "rmse")


class DepthErrors:
    """The errors of each image."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        # One list of numbers, in the order of `_NAMES`, for each image.
        self._errors: list[tuple[float, ...]] = []

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image: `depth_raw` [h, w] and `depth_pred` [h, w, 1], metres.

        An image whose depth is known nowhere is left out.
        """
        check_maps(
            example, depth_raw=example.depth_raw, depth_pred=prediction.depth_pred
        )
        measured = is_measured(example.depth_raw, self._info)
        if not measured.any():
            return
        truth = example.depth_raw[measured]
        predicted = prediction.depth_pred[..., 0][measured]
        ratio = np.maximum(predicted, np.float32(_NEAREST)) / truth
        share, log = ratio - 1, np.log(ratio)
        square = share * share
        self._errors.append(
            (
                100 * _mean(np.maximum(ratio, 1 / ratio) < _INLIER),
                # Rounding can take the variance of equal values below 0.
                100 * math.sqrt(max(_mean(log * log) - _mean(log) ** 2, 0.0)),
                100 * _mean(np.abs(share)),
                100 * _mean(square),
                math.sqrt(_mean(square * truth * truth)),
            )
        )

    def result(self) -> dict[str, float]:
        """Returns means over the images, 0 without any.

        "inlier", pixels whose depth is right up to a factor of 1.25, in percent;
        "silog", 100 times the spread of the logarithm; "abs_rel" and "sq_rel", the
        relative error and its square, in percent; "rmse" in metres.
        """
        columns = zip(*self._errors, strict=True) if self._errors else [()] * 5
        return {
            name: math.fsum(column) / max(len(self._errors), 1)
            for name, column in zip(_NAMES, columns, strict=True)
        }

    def merge(self, other: DepthErrors) -> None:
        """Adds the images of another metric."""
        self._errors += other._errors

    def state(self) -> dict[str, np.ndarray]:
        """Returns the errors of all images, in an order of their own."""
        errors = np.array(sorted(self._errors), np.float64)
        return {"errors": errors.reshape(-1, len(_NAMES))}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the errors of all images."""
        self._errors = [tuple(row) for row in state["errors"].tolist()]


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64))


def is_measured(depth: np.ndarray, info: DatasetInfo) -> np.ndarray:
    """Returns where the true depth is known, bool of the shape of `depth`."""
    known = depth > 0
    return known if info.ignore_depth is None else known & (depth != info.ignore_depth)


@METRICS.register("depth")
def build_depth(info: DatasetInfo, options: EvaluatorOptions) -> DepthErrors:
    """Returns the metric, which has no option."""
    del options
    return DepthErrors(info)
