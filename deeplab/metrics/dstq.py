"""Depth-aware segmentation and tracking quality of panoptic videos.

The metric of the video and depth track of the BMTT challenge at ICCV 2021
(https://motchallenge.net/workshops/bmtt2021), as DeepLab2 computes it: the geometric
mean of AQ, IoU (see `stq`) and depth quality. Depth quality is the share of pixels
whose depth is correct up to a factor, as a geometric mean over factors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps, text_of
from deeplab.metrics.depth import is_measured
from deeplab.metrics.named_rows import Name, pack, unpack
from deeplab.metrics.stq import SegmentationTrackingQuality
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Factors up to which a depth counts as correct.
FACTORS = (1.25, 1.1)


class DepthTrackingQuality:
    """STQ, and the number of pixels with correct depth in each video."""

    def __init__(self, info: DatasetInfo, *, factors: Sequence[float] = FACTORS):
        """Makes an empty metric.

        Args:
          info: description of the data set.
          factors: factors up to which a depth counts as correct.
        """
        self._info = info
        self._factors = tuple(factors)
        self._tracking = SegmentationTrackingQuality(info)
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        self._tracking.reset()
        # One row per video: pixels of known depth, and those correct for each factor.
        self._counts: dict[Name, np.ndarray] = {}

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one frame.

        Reads the fields that `SegmentationTrackingQuality` reads, `depth_raw` [h, w]
        and `depth_pred` [h, w, 1], in metres.
        """
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            depth_raw=example.depth_raw,
            panoptic_pred=prediction.panoptic_pred,
            depth_pred=prediction.depth_pred,
        )
        measured = is_measured(example.depth_raw, self._info)
        truth = example.depth_raw[measured]
        predicted = prediction.depth_pred[..., 0][measured]
        positive = predicted > 0
        truth, predicted = truth[positive], predicted[positive]
        error = np.maximum(predicted / truth, truth / predicted)
        right = [np.count_nonzero(error <= factor) for factor in self._factors]
        self._tracking.update(example, prediction)
        self._add(
            (text_of(example.sequence_id),),
            np.array([[np.count_nonzero(measured), *right]], np.int64),
        )

    def _add(self, video: Name, counts: np.ndarray) -> None:
        self._counts[video] = self._counts.get(video, 0) + counts

    def result(self) -> dict[str, float]:
        """Returns "dstq", "dq", "stq", "aq" and "iou" of all videos, in percent.

        The result also has "dstq@<factor>" and "dq@<factor>" for each factor, and
        "dstq/<video>" and "dq/<video>" for each video that has a name.
        """
        tracking = self._tracking.result()
        overall = sum(self._counts.values(), np.zeros((1, len(self._factors) + 1)))
        result = self._qualities(tracking["stq"], overall)
        result |= {name: tracking[name] for name in ("stq", "aq", "iou")}
        for (video,), counts in sorted(self._counts.items()):
            if video:
                whole = self._qualities(tracking[f"stq/{video}"], counts)
                result |= {f"{name}/{video}": whole[name] for name in ("dstq", "dq")}
        return result

    def _qualities(self, stq: float, counts: np.ndarray) -> dict[str, float]:
        known, *right = counts[0].tolist()
        shares = [100 * count / max(known, 1) for count in right]
        depth = math.prod(shares) ** (1 / len(shares))
        result = {"dstq": _geometric(stq, depth), "dq": depth}
        for factor, share in zip(self._factors, shares, strict=True):
            result[f"dstq@{factor}"] = _geometric(stq, share)
            result[f"dq@{factor}"] = share
        return result

    def merge(self, other: DepthTrackingQuality) -> None:
        """Adds the frames of another metric."""
        self._tracking.merge(other._tracking)
        for video, counts in other._counts.items():
            self._add(video, counts)

    def state(self) -> dict[str, np.ndarray]:
        """Returns the rows of STQ and the depth counts of all videos."""
        depth = pack(self._counts, parts=1, columns=len(self._factors) + 1)
        return {
            **{f"tracking/{k}": v for k, v in self._tracking.state().items()},
            **{f"depth/{k}": v for k, v in depth.items()},
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the rows of STQ and the depth counts of all videos."""
        parts: dict[str, dict[str, np.ndarray]] = {"tracking": {}, "depth": {}}
        for name in state:
            part, key = name.split("/")
            parts[part][key] = state[name]
        self._tracking.load_state(parts["tracking"])
        self._counts = unpack(parts["depth"])


def _geometric(stq: float, depth: float) -> float:
    """Returns the geometric mean of AQ, IoU and depth quality, in percent."""
    return (stq**2 * depth) ** (1 / 3)


@METRICS.register("dstq")
def build_dstq(info: DatasetInfo, options: EvaluatorOptions) -> DepthTrackingQuality:
    """Returns the metric, which has no options."""
    del options
    return DepthTrackingQuality(info)
