"""Errors of depth maps, averaged over images.

Jonas Uhrig et al., "Sparsity Invariant CNNs", 3DV 2017
(https://arxiv.org/abs/1708.06500), for SILog; David Eigen et al., "Depth Map
Prediction from a Single Image using a Multi-Scale Deep Network", NeurIPS 2014
(https://arxiv.org/abs/1406.2283), for the others. As published, each error is averaged
over the pixels of known depth in an image, and then over images.
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

# Largest ratio of predicted and true depth of an inlier; the others use its powers.
_INLIER = 1.25
# Metres; predictions are clipped to this minimum, so that their logarithm is finite.
_MIN_DEPTH = 1e-3
_NAMES = (
    *("inlier", "inlier_2", "inlier_3"),
    *("silog", "abs_rel", "sq_rel", "rmse", "rmse_log"),
)


class DepthErrors:
    """The errors of each image."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        # One tuple per image, in the order of `_NAMES`.
        self._errors: list[tuple[float, ...]] = []

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image: `depth_raw` [h, w] and `depth_pred` [h, w, 1], in metres.

        An image without known depth is left out.
        """
        check_maps(
            example, depth_raw=example.depth_raw, depth_pred=prediction.depth_pred
        )
        measured = np.ravel(is_measured(example.depth_raw, self._info))
        if not measured.any():
            return
        truth, predicted = (
            np.compress(measured, maps).astype(np.float64)
            for maps in (example.depth_raw, prediction.depth_pred)
        )
        np.maximum(predicted, _MIN_DEPTH, out=predicted)
        ratio = predicted / truth
        factor = np.maximum(ratio, truth / predicted)
        log = np.log(ratio)
        error = predicted - truth
        share = np.abs(error) / truth
        self._errors.append(
            (
                *(100 * float((factor < _INLIER**n).mean()) for n in (1, 2, 3)),
                100 * float(log.std()),
                100 * float(share.mean()),
                100 * float(np.square(share).mean()),
                math.sqrt(np.square(error).mean()),
                math.sqrt(np.square(log).mean()),
            )
        )

    def result(self) -> dict[str, float]:
        """Returns means over the images, 0 without any.

        The names are "inlier" for the pixels whose depth is correct up to a factor of
        1.25, in percent; "inlier_2" and "inlier_3" for the square and cube of that
        factor; "silog" for 100 times the standard deviation of the log error; "abs_rel"
        and "sq_rel" for the relative error and its square, in percent; "rmse" in
        metres; and "rmse_log", that of the natural logarithm.
        """
        columns = [[errors[i] for errors in self._errors] for i in range(len(_NAMES))]
        return {
            name: math.fsum(column) / max(len(self._errors), 1)
            for name, column in zip(_NAMES, columns, strict=True)
        }

    def merge(self, other: DepthErrors) -> None:
        """Adds the images of another metric."""
        self._errors += other._errors

    def state(self) -> dict[str, np.ndarray]:
        """Returns the errors of all images, in a canonical order."""
        errors = np.array(sorted(self._errors), np.float64)
        return {"errors": errors.reshape(-1, len(_NAMES))}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the errors of all images.

        Raises:
          ValueError: the state has another number of errors per image.
        """
        errors = state["errors"]
        if errors.shape[1:] != (len(_NAMES),):
            raise ValueError(
                f"the stored errors have shape {errors.shape}, but need the columns "
                f"{', '.join(_NAMES)}"
            )
        self._errors = [tuple(row) for row in errors.tolist()]


def is_measured(depth: np.ndarray, info: DatasetInfo) -> np.ndarray:
    """Returns where the true depth is known, as bool in the shape of `depth`."""
    known = depth > 0
    return known if info.ignore_depth is None else known & (depth != info.ignore_depth)


@METRICS.register("depth")
def build_depth(info: DatasetInfo, options: EvaluatorOptions) -> DepthErrors:
    """Returns the metric, which has no options."""
    del options
    return DepthErrors(info)
