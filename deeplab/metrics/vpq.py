"""Video panoptic quality over windows of frames.

Dahun Kim et al., "Video Panoptic Segmentation", CVPR 2020
(https://arxiv.org/abs/2006.11339). A window slides over each video frame by frame. All
pixels with the same label in the frames of a window are one segment, and panoptic
quality, with its rules for void and crowds, is computed over all windows of a length.
VPQ is the mean over window lengths.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import (
    check_maps,
    check_prediction,
    check_truth,
    image_name,
    text_of,
)
from deeplab.metrics.named_rows import Name, pack, summed, unpack
from deeplab.metrics.overlaps import overlap_areas
from deeplab.metrics.panoptic_quality import PanopticQuality
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Window lengths, in frames.
LENGTHS = (1, 2, 3, 4)
# Groups of classes; each window length has a mean per group.
_GROUPS = ("all", "things", "stuff")


class VideoPanopticQuality:
    """VPQ, from the overlaps of true and predicted labels in each frame."""

    def __init__(self, info: DatasetInfo, *, lengths: Sequence[int] = LENGTHS):
        """Makes an empty metric.

        Args:
          info: description of the data set.
          lengths: window lengths, in frames.
        """
        self._info = info
        self._lengths = tuple(lengths)
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        # (video, frame) -> rows (true label, predicted label, pixels).
        self._rows: dict[Name, np.ndarray] = {}

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one frame.

        Reads `panoptic_raw` and `panoptic_pred`, [h, w] int32, whose ids are consistent
        within the video, `sequence_id` and `frame_id`.

        Raises:
          ValueError: see `Metric`; or the frame has no name, or was already added.
        """
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            panoptic_pred=prediction.panoptic_pred,
        )
        self._add(
            frame_name(example),
            checked_rows(
                example, example.panoptic_raw, prediction.panoptic_pred, self._info
            ),
        )

    def _add(self, frame: Name, rows: np.ndarray) -> None:
        if frame in self._rows:
            raise ValueError(f"frame {frame[1]} of video {frame[0]!r} was added twice")
        self._rows[frame] = rows

    def result(self) -> dict[str, float]:
        """Returns qualities in percent.

        The names are "all", "things" and "stuff" for the mean over window lengths, and
        "<length>_frames/all" and so on for each length. Lengths that exceed all videos
        are left out.
        """
        qualities = {
            f"{length}_frames": quality
            for length in self._lengths
            if (quality := window_quality(self._rows, length, self._info))
        }
        return {**mean_quality(qualities.values()), **listed(qualities)}

    def merge(self, other: VideoPanopticQuality) -> None:
        """Adds the frames of another metric."""
        for frame, rows in other._rows.items():
            self._add(frame, rows)

    def state(self) -> dict[str, np.ndarray]:
        """Returns the rows of all frames."""
        return pack(self._rows, parts=2, columns=3)

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the rows of all frames."""
        self._rows = unpack(state)


def frame_name(example: Example) -> Name:
    """Returns the names of the video and the frame.

    Raises:
      ValueError: the frame has no name.
    """
    frame = text_of(example.frame_id)
    if not frame:
        raise ValueError(
            f"{image_name(example)}: no frame_id; windows of a video depend on the "
            "order of its frames"
        )
    return text_of(example.sequence_id), frame


def checked_rows(
    example: Example, truth: np.ndarray, predicted: np.ndarray, info: DatasetInfo
) -> np.ndarray:
    """Returns the [n, 3] int64 overlaps of two label maps.

    Raises:
      ValueError: a class does not exist.
    """
    rows = np.stack(overlap_areas(truth, predicted), axis=1)
    check_truth(example, info, info.label_space.class_of(rows[:, 0]))
    check_prediction(example, info, info.label_space.class_of(rows[:, 1]))
    return rows


def window_quality(
    rows: Mapping[Name, np.ndarray], length: int, info: DatasetInfo
) -> dict[str, float]:
    """Returns the panoptic quality over all windows of a length.

    Args:
      rows: (video, frame) -> overlaps, see `checked_rows`.
      length: window length, in frames.
      info: description of the data set.

    Returns:
      "all", "things" and "stuff" in percent; empty if no video is long enough.
    """
    quality = PanopticQuality(info)
    windows = 0
    for video, names in groupby(sorted(rows, key=_in_order), key=lambda name: name[0]):
        frames = [rows[name] for name in names]
        for first in range(len(frames) - length + 1):
            joined = frames[first]
            for frame in frames[first + 1 : first + length]:
                joined = summed(joined, frame)
            quality.add_overlaps(Example(image=None, image_filename=video), *joined.T)
            windows += 1
    result = quality.result()
    return {group: result[f"{group}/pq"] for group in _GROUPS} if windows else {}


def mean_quality(qualities: Collection[Mapping[str, float]]) -> dict[str, float]:
    """Returns the mean of each of `_GROUPS`; 0 if there are no qualities."""
    return {
        group: sum(q[group] for q in qualities) / max(len(qualities), 1)
        for group in _GROUPS
    }


def listed(qualities: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Flattens name -> quality -> value to "<name>/<quality>" -> value."""
    return {
        f"{name}/{group}": value
        for name, quality in qualities.items()
        for group, value in quality.items()
    }


def _in_order(name: Name) -> tuple[str, int, str]:
    """Sort key of frames: by number if their names are numbers, otherwise by name."""
    video, frame = name
    return video, int(frame) if frame.isdecimal() else -1, frame


@METRICS.register("vpq")
def build_vpq(info: DatasetInfo, options: EvaluatorOptions) -> VideoPanopticQuality:
    """Returns the metric, which has no options."""
    del options
    return VideoPanopticQuality(info)
