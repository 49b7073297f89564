"""Panoptic quality: recognition and segmentation quality of panoptic segments.

Panoptic Segmentation, A. Kirillov, K. He, R. Girshick, C. Rother, P. Dollár, CVPR
2019, https://arxiv.org/abs/1801.00868. Results equal those of the official evaluation
(`panopticapi`): void pixels are ignored, a crowd region (instance 0 of a thing class)
is never a false negative, and a predicted segment that is mostly on void or on a crowd
of its class is not a false positive. The code published with DeepLab2 treats crowds as
void, which results in slightly higher values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps, check_prediction, check_truth
from deeplab.metrics.overlaps import grouped, overlap_areas, total
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


class Overlaps(NamedTuple):
    """The `t` true and `p` predicted segments of an image, and their `n` overlaps."""

    # [t], [p] int64 labels, sorted.
    truth: np.ndarray
    predicted: np.ndarray
    # [t] bool, whether a true segment is void.
    is_void: np.ndarray
    # [t], [p] int64 areas in pixels; those of predicted segments exclude void.
    truth_area: np.ndarray
    predicted_area: np.ndarray
    # [n] int64, indices of both segments of each overlap, and their common pixels.
    of_truth: np.ndarray
    of_predicted: np.ndarray
    areas: np.ndarray


class PanopticQuality:
    """Matches, false negatives and false positives of all images, by class."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the classes of a data set."""
        self._info = info
        self._is_thing = np.zeros(info.num_classes, bool)
        self._is_thing[list(info.thing_ids)] = True
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        # A match is (class, intersection, union). The IoUs are summed only at the end,
        # exactly, as a floating-point sum would depend on their order.
        self._matches: list[np.ndarray] = []
        self._false_negatives = np.zeros(self._info.num_classes, np.int64)
        self._false_positives = np.zeros(self._info.num_classes, np.int64)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image: `panoptic_raw` and `panoptic_pred`, [h, w] int32."""
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            panoptic_pred=prediction.panoptic_pred,
        )
        maps = (example.panoptic_raw, prediction.panoptic_pred)
        self._add(example, overlap_areas(*maps), lambda found: self._fit(*maps, found))

    def add_overlaps(
        self,
        example: Example,
        truth: np.ndarray,
        predicted: np.ndarray,
        areas: np.ndarray,
    ) -> None:
        """Adds segments, given their overlaps; segments are compared by IoU.

        Args:
          example: source of the segments, for messages.
          truth: [n] int64 labels.
          predicted: [n] int64 labels.
          areas: [n] int64 numbers of common pixels; no pair of labels occurs twice.
        """
        self._add(example, (truth, predicted, areas), _area_fit)

    def _add(
        self,
        example: Example,
        pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
        fit: Callable[[Overlaps], tuple[np.ndarray, np.ndarray]],
    ) -> None:
        info, size = self._info, self._info.num_classes
        truth, predicted, areas = pairs
        truth, of_truth, truth_area = grouped(truth, areas)
        predicted, of_predicted, predicted_area = grouped(predicted, areas)
        truth_class, truth_instance = info.label_space.decode(truth)
        predicted_class = info.label_space.class_of(predicted)
        check_truth(example, info, truth_class)
        check_prediction(example, info, predicted_class)

        # Void segments, and crowds in the ground truth, are not evaluated.
        is_void = truth_class == info.ignore_label
        truth_class = np.where(is_void, 0, truth_class)
        is_crowd = ~is_void & self._is_thing[truth_class] & (truth_instance == 0)
        is_truth = ~is_void & ~is_crowd
        is_segment = np.isin(predicted_class, list(info.by_id))
        predicted_class = np.where(is_segment, predicted_class, 0)

        # From here on, each entry is an overlap of a true and a predicted segment.
        in_void = is_void[of_truth]
        same_class = truth_class[of_truth] == predicted_class[of_predicted]
        same_class &= ~in_void & is_segment[of_predicted]
        void_area = total(of_predicted[in_void], areas[in_void], len(predicted))
        overlaps = Overlaps(
            truth=truth,
            predicted=predicted,
            is_void=is_void,
            truth_area=truth_area,
            predicted_area=predicted_area - void_area,
            of_truth=of_truth,
            of_predicted=of_predicted,
            areas=areas,
        )
        common, union = fit(overlaps)
        match = same_class & is_truth[of_truth] & (2 * common > union)
        self._matches.append(
            np.stack([truth_class[of_truth], common, union], axis=1)[match]
        )

        is_truth[of_truth[match]] = False
        self._false_negatives += np.bincount(truth_class[is_truth], minlength=size)
        in_crowd = same_class & is_crowd[of_truth]
        excused = void_area + total(
            of_predicted[in_crowd], areas[in_crowd], len(predicted)
        )
        is_segment[of_predicted[match]] = False
        is_segment &= 2 * excused <= predicted_area
        self._false_positives += np.bincount(
            predicted_class[is_segment], minlength=size
        )

    def _fit(
        self, truth: np.ndarray, predicted: np.ndarray, overlaps: Overlaps
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the IoU, or another measure of fit, of each overlap as a fraction.

        Args:
          truth: [h, w] int32 labels.
          predicted: [h, w] int32 labels.
          overlaps: the segments and their `n` overlaps.

        Returns:
          Numerators and denominators, [n] int64 each.
        """
        del truth, predicted
        return _area_fit(overlaps)

    def result(self) -> dict[str, float]:
        """Returns qualities in percent.

        The names are "all/pq", "all/sq" (segmentation), "all/rq" (recognition) and
        "all/n" (number of classes that occur), the same with "things/" and "stuff/",
        and "pq/<class>", "sq/<class>", "rq/<class>" for each class that occurs. If no
        class occurs, the means are 0.
        """
        qualities = self._qualities()
        groups: dict[str, Iterable[ClassInfo]] = {
            "all": self._info.classes,
            "things": [c for c in self._info.classes if c.is_thing],
            "stuff": [c for c in self._info.classes if not c.is_thing],
        }
        result = {}
        for group, classes in groups.items():
            members = [qualities[c.id] for c in classes if c.id in qualities]
            for i, kind in enumerate(("pq", "sq", "rq")):
                mean = sum(m[i] for m in members) / max(len(members), 1)
                result[f"{group}/{kind}"] = 100.0 * mean
            result[f"{group}/n"] = float(len(members))
        for i, kind in enumerate(("pq", "sq", "rq")):
            for class_id, values in qualities.items():
                name = self._info.by_id[class_id].name
                result[f"{kind}/{name}"] = 100.0 * values[i]
        return result

    def counts(self) -> dict[int, tuple[int, int, int]]:
        """Returns class id -> true positives, false positives, false negatives."""
        matched = np.bincount(
            self._all_matches()[:, 0], minlength=self._info.num_classes
        )
        return {
            c: (
                int(matched[c]),
                int(self._false_positives[c]),
                int(self._false_negatives[c]),
            )
            for c in self._info.by_id
        }

    def _qualities(self) -> dict[int, tuple[float, float, float]]:
        """Returns class id -> (pq, sq, rq), 0 to 1, of the classes that occur."""
        matches = self._all_matches()
        qualities = {}
        for class_id, (tp, fp, fn) in self.counts().items():
            if tp + fp + fn:
                _, intersection, union = matches[matches[:, 0] == class_id].T
                fit = math.fsum(intersection / union)
                found = tp + 0.5 * fp + 0.5 * fn
                qualities[class_id] = (fit / found, fit / max(tp, 1), tp / found)
        return qualities

    def _all_matches(self) -> np.ndarray:
        """Returns the [n, 3] int64 matches in a canonical order."""
        matches = np.concatenate([np.zeros((0, 3), np.int64), *self._matches])
        return matches[np.lexsort(matches.T)]

    def merge(self, other: PanopticQuality) -> None:
        """Adds the images of another metric."""
        self._matches += other._matches
        self._false_negatives += other._false_negatives
        self._false_positives += other._false_positives

    def state(self) -> dict[str, np.ndarray]:
        """Returns the matches, false negatives and false positives."""
        return {
            "matches": self._all_matches(),
            "false_negatives": self._false_negatives.copy(),
            "false_positives": self._false_positives.copy(),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces what was accumulated.

        Raises:
          ValueError: the state is for another number of classes.
        """
        false_negatives = np.asarray(state["false_negatives"], np.int64)
        if false_negatives.shape != self._false_negatives.shape:
            raise ValueError(
                f"the stored state has {len(false_negatives)} classes, but "
                f"{self._info.name!r} has {self._info.num_classes}"
            )
        self._matches = [np.array(state["matches"], np.int64)]
        self._false_negatives = false_negatives.copy()
        self._false_positives = np.array(state["false_positives"], np.int64)


def _area_fit(overlaps: Overlaps) -> tuple[np.ndarray, np.ndarray]:
    """Returns intersections and unions, [n] int64 each."""
    union = (
        overlaps.truth_area[overlaps.of_truth]
        + overlaps.predicted_area[overlaps.of_predicted]
        - overlaps.areas
    )
    return overlaps.areas, union


@METRICS.register("panoptic_quality")
def build_panoptic_quality(
    info: DatasetInfo, options: EvaluatorOptions
) -> PanopticQuality:
    """Returns the metric, which has no options."""
    del options
    return PanopticQuality(info)
