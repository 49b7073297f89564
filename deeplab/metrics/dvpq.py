"""Depth-aware video panoptic quality.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258). It is the video
panoptic quality of predictions in which pixels become void if their relative depth
error exceeds a threshold, averaged over thresholds and window lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps
from deeplab.metrics.depth import is_measured
from deeplab.metrics.named_rows import Name, pack, unpack
from deeplab.metrics.vpq import (
    LENGTHS,
    checked_rows,
    frame_name,
    listed,
    mean_quality,
    window_quality,
)
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Thresholds of the relative depth error.
ERRORS = (0.1, 0.25, 0.5)


class DepthVideoPanopticQuality:
    """DVPQ, from the overlaps of labels for each error threshold and frame."""

    def __init__(
        self,
        info: DatasetInfo,
        *,
        lengths: Sequence[int] = LENGTHS,
        errors: Sequence[float] = ERRORS,
    ):
        """Makes an empty metric.

        Args:
          info: description of the data set.
          lengths: window lengths, in frames.
          errors: thresholds of the relative depth error.
        """
        self._info = info
        self._lengths = tuple(lengths)
        self._errors = tuple(errors)
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        # (error threshold, video, frame) -> rows (true label, predicted label, pixels).
        self._rows: dict[Name, np.ndarray] = {}

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one frame.

        Reads the fields that `VideoPanopticQuality` reads, `depth_raw` [h, w] and
        `depth_pred` [h, w, 1], in metres. A pixel of unknown depth keeps its label.

        Raises:
          ValueError: see `Metric`; or the frame has no name, or was already added.
        """
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            depth_raw=example.depth_raw,
            panoptic_pred=prediction.panoptic_pred,
            depth_pred=prediction.depth_pred,
        )
        info, depth = self._info, example.depth_raw.astype(np.float64)
        measured = is_measured(example.depth_raw, info)
        difference = np.abs(prediction.depth_pred[..., 0] - depth)
        share = difference / np.where(measured, depth, 1)
        void = np.int32(info.label_space.void)
        name = frame_name(example)
        for error in self._errors:
            wrong = measured & ~(share <= error)
            left = np.where(wrong, void, prediction.panoptic_pred)
            rows = checked_rows(example, example.panoptic_raw, left, info)
            self._add((str(error), *name), rows)

    def _add(self, name: Name, rows: np.ndarray) -> None:
        if name in self._rows:
            raise ValueError(f"frame {name[2]} of video {name[1]!r} was added twice")
        self._rows[name] = rows

    def result(self) -> dict[str, float]:
        """Returns qualities in percent.

        The names are "all", "things" and "stuff" for the mean over error thresholds and
        window lengths, and "<error>/<length>_frames/all" and so on for each threshold
        and length. Lengths that exceed all videos are left out.
        """
        qualities = {}
        for error in self._errors:
            rows = {n[1:]: r for n, r in self._rows.items() if n[0] == str(error)}
            for length in self._lengths:
                quality = window_quality(rows, length, self._info)
                if quality:
                    qualities[f"{error}/{length}_frames"] = quality
        return {**mean_quality(qualities.values()), **listed(qualities)}

    def merge(self, other: DepthVideoPanopticQuality) -> None:
        """Adds the frames of another metric."""
        for name, rows in other._rows.items():
            self._add(name, rows)

    def state(self) -> dict[str, np.ndarray]:
        """Returns the rows of all frames and error thresholds."""
        return pack(self._rows, parts=3, columns=3)

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the rows of all frames."""
        self._rows = unpack(state)


@METRICS.register("dvpq")
def build_dvpq(
    info: DatasetInfo, options: EvaluatorOptions
) -> DepthVideoPanopticQuality:
    """Returns the metric, which has no options."""
    del options
    return DepthVideoPanopticQuality(info)
