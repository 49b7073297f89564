"""Segmentation and tracking quality of panoptic videos.

Mark Weber et al., "STEP: Segmenting and Tracking Every Pixel", NeurIPS 2021
(https://arxiv.org/abs/2102.11859). STQ is the geometric mean of association quality
(AQ: how well the pixels of an instance keep one id throughout the video) and
segmentation quality (the mean IoU of the classes). As in the official code, crowds
count only for the IoU, and if void is predicted on labelled pixels, it counts as an
additional class with an IoU of 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import (
    check_maps,
    check_prediction,
    check_truth,
    text_of,
)
from deeplab.metrics.named_rows import Name, pack, summed, unpack
from deeplab.metrics.overlaps import grouped, overlap_areas
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class SegmentationTrackingQuality:
    """STQ, from the overlaps of true and predicted labels in each video."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the classes of a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        # Rows are (true label, predicted label, pixels).
        self._rows: dict[Name, np.ndarray] = {}

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one frame.

        Reads `panoptic_raw` and `panoptic_pred`, [h, w] int32, whose ids are consistent
        within the video, and `sequence_id`; frames without it form one video.
        """
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            panoptic_pred=prediction.panoptic_pred,
        )
        rows = np.stack(
            overlap_areas(example.panoptic_raw, prediction.panoptic_pred), axis=1
        )
        class_of = self._info.label_space.class_of
        check_truth(example, self._info, class_of(rows[:, 0]))
        check_prediction(example, self._info, class_of(rows[:, 1]))
        self._add((text_of(example.sequence_id),), rows)

    def _add(self, video: Name, rows: np.ndarray) -> None:
        known = self._rows.get(video, np.zeros((0, 3), np.int64))
        self._rows[video] = summed(known, rows)

    def result(self) -> dict[str, float]:
        """Returns "stq", "aq" and "iou" of all videos, in percent.

        The result also has "stq/<video>", "aq/<video>" and "iou/<video>" for each video
        that has a name.
        """
        videos = {name[0]: self._parts(rows) for name, rows in self._rows.items()}
        association = [part for found, _ in videos.values() for part in found]
        size = self._info.num_classes
        confusion = np.zeros((size, size + 1), np.int64)
        for _, counts in videos.values():
            confusion += counts
        result = _qualities(association, confusion)
        for video in sorted(filter(None, videos)):
            qualities = _qualities(*videos[video])
            result |= {f"{name}/{video}": value for name, value in qualities.items()}
        return result

    def _parts(self, rows: np.ndarray) -> tuple[list[float], np.ndarray]:
        """Returns the contributions of a video to AQ and to the confusion matrix.

        Returns:
          The association quality of each true instance, 0 to 1, and the [classes,
          classes + 1] int64 confusion matrix, whose last column is void.
        """
        info, (truth, predicted, areas) = self._info, rows.T
        true_class, true_instance = info.label_space.decode(truth)
        predicted_class = info.label_space.class_of(predicted)
        confusion = np.zeros((info.num_classes, info.num_classes + 1), np.int64)
        is_void = ~np.isin(predicted_class, list(info.by_id))
        columns = np.where(is_void, info.num_classes, predicted_class)
        labelled = true_class != info.ignore_label
        np.add.at(confusion, (true_class[labelled], columns[labelled]), areas[labelled])
        is_thing = np.isin(true_class, info.thing_ids)
        is_truth = is_thing & (true_instance != 0)
        # Predicted ids on crowds are ignored, as crowds have no instance ids.
        is_predicted = np.isin(predicted_class, info.thing_ids)
        is_predicted &= ~is_thing | is_truth
        truth_ids, _, truth_area = grouped(truth[is_truth], areas[is_truth])
        predicted_ids, _, predicted_area = grouped(
            predicted[is_predicted], areas[is_predicted]
        )
        both = is_truth & is_predicted
        of_truth = np.searchsorted(truth_ids, truth[both])
        of_predicted = np.searchsorted(predicted_ids, predicted[both])
        common = areas[both]
        union = truth_area[of_truth] + predicted_area[of_predicted] - common
        shares = common * (common / union) / truth_area[of_truth]
        association = [math.fsum(shares[of_truth == i]) for i in range(len(truth_ids))]
        return association, confusion

    def merge(self, other: SegmentationTrackingQuality) -> None:
        """Adds the frames of another metric."""
        for video, rows in other._rows.items():
            self._add(video, rows)

    def state(self) -> dict[str, np.ndarray]:
        """Returns the rows of all videos."""
        return pack(self._rows, parts=1, columns=3)

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the rows of all videos."""
        self._rows = unpack(state)


def _qualities(association: list[float], confusion: np.ndarray) -> dict[str, float]:
    """Returns "stq", "aq" and "iou" in percent; 0 without classes or instances."""
    right = confusion.diagonal()
    predicted = confusion.sum(axis=0)
    union = confusion.sum(axis=1) + predicted[:-1] - right
    classes = int(np.count_nonzero(union)) + bool(predicted[-1])
    ious = right[union > 0] / union[union > 0]
    iou = math.fsum(ious) / max(classes, 1)
    aq = math.fsum(association) / max(len(association), 1)
    return {"stq": 100 * math.sqrt(aq * iou), "aq": 100 * aq, "iou": 100 * iou}


@METRICS.register("stq")
def build_stq(
    info: DatasetInfo, options: EvaluatorOptions
) -> SegmentationTrackingQuality:
    """Returns the metric, which has no options."""
    del options
    return SegmentationTrackingQuality(info)
