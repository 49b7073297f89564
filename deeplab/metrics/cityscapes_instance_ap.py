"""Instance average precision as defined by Cityscapes.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
2016, https://arxiv.org/abs/1604.01685; for label maps, equal to
`evalInstanceLevelSemanticLabeling` of `cityscapesScripts`. Unlike in COCO, a match
needs an IoU strictly above the threshold (0.5, 0.55, ..., 0.95); instances below 100
pixels and crowds are never false negatives; a detection without a match is ignored if
the share of its pixels on void, crowds or small instances of its class exceeds the
threshold; and precision is integrated over recall without interpolation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps, check_prediction, check_truth
from deeplab.metrics.overlaps import grouped, overlap_areas, total
from deeplab.predictions.scores import predicted_scores
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Computed as in the official script, so that comparisons round in the same way.
THRESHOLDS = np.arange(0.5, 1.0, 0.05)
_MIN_PIXELS = 100

# Columns of a detection: class, area, area on regions to ignore; then intersection and
# union with the best-matching segment of its class, and whether that one is evaluated.
_COLUMNS = 6


class CityscapesInstanceAP:
    """Detections of all images, each with its best-matching segment."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the thing classes of a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        self._detections = [np.zeros((0, _COLUMNS), np.int64)]
        self._scores = [np.zeros(0)]
        # Number of evaluated instances, by class.
        self._instances = np.zeros(self._info.num_classes, np.int64)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image.

        Reads `panoptic_raw` (instance 0 of a thing class is a crowd; void with an
        instance id is an object of a class that is not evaluated, on which detections
        are not ignored), `panoptic_pred`, `instance_scores`, and `semantic_scores` or
        else `semantic_probs` for the class confidence.
        """
        has_scores = prediction.semantic_scores is not None
        confidence = "semantic_scores" if has_scores else "semantic_probs"
        check_maps(
            example,
            panoptic_raw=example.panoptic_raw,
            panoptic_pred=prediction.panoptic_pred,
            instance_scores=prediction.instance_scores,
            **{confidence: getattr(prediction, confidence)},
        )
        info = self._info
        truth, predicted, pixels = overlap_areas(
            example.panoptic_raw, prediction.panoptic_pred
        )
        truth, of_truth, truth_area = grouped(truth, pixels)
        predicted, of_predicted, predicted_area = grouped(predicted, pixels)
        truth_class, truth_instance = info.label_space.decode(truth)
        predicted_class = info.label_space.class_of(predicted)
        check_truth(example, info, truth_class)
        check_prediction(example, info, predicted_class)

        is_void = (truth_class == info.ignore_label) & (truth_instance == 0)
        is_thing = np.isin(truth_class, info.thing_ids)
        is_crowd = is_thing & (truth_instance == 0)
        is_small = is_thing & (truth_area < _MIN_PIXELS)
        counts = is_thing & ~is_crowd & ~is_small
        self._instances += np.bincount(truth_class[counts], minlength=info.num_classes)

        # From here on, each entry is an overlap of a true and a predicted segment.
        same = truth_class[of_truth] == predicted_class[of_predicted]
        same &= is_thing[of_truth]
        # As in the official script, a small crowd counts twice.
        excuses = is_void[of_truth].astype(np.int64)
        excuses += same * (is_crowd.astype(np.int64) + is_small)[of_truth]
        union = truth_area[of_truth] + predicted_area[of_predicted] - pixels
        fit = np.where(same, pixels / union, 0.0)
        best = _last_of_each(of_predicted, fit)
        detections = np.stack(
            [
                predicted_class,
                predicted_area,
                total(of_predicted, pixels * excuses, len(predicted)),
                np.where(same, pixels, 0)[best],
                union[best],
                counts[of_truth[best]],
            ],
            axis=1,
        )
        scores = predicted_scores(prediction, info.label_space)
        detected = np.isin(predicted_class, info.thing_ids)
        self._detections.append(detections[detected])
        self._scores.append(
            np.array([scores[label] for label in predicted[detected].tolist()])
        )

    def result(self) -> dict[str, float]:
        """Returns average precisions in percent.

        The names are "ap" for the mean over classes and thresholds, "ap50" for that at
        IoU 0.5, and "ap/<class>" and "ap50/<class>" for each class with instances.
        Without any instance, both means are -1.
        """
        detections, scores = self._sorted()
        found: dict[str, np.ndarray] = {}
        for one in self._info.classes:
            instances = int(self._instances[one.id])
            if one.is_thing and instances:
                of_class = detections[:, 0] == one.id
                found[one.name] = np.array(
                    [
                        _average_precision(
                            detections[of_class], scores[of_class], instances, threshold
                        )
                        for threshold in THRESHOLDS
                    ]
                )
        if not found:
            return {"ap": -1.0, "ap50": -1.0}
        mean = 100.0 * np.mean(list(found.values()), axis=0)
        return {
            "ap": float(mean.mean()),
            "ap50": float(mean[0]),
            **{f"ap/{name}": 100.0 * float(aps.mean()) for name, aps in found.items()},
            **{f"ap50/{name}": 100.0 * float(aps[0]) for name, aps in found.items()},
        }

    def merge(self, other: CityscapesInstanceAP) -> None:
        """Adds the images of another metric."""
        self._detections += other._detections
        self._scores += other._scores
        self._instances += other._instances

    def state(self) -> dict[str, np.ndarray]:
        """Returns detections, scores, and the number of instances per class."""
        detections, scores = self._sorted()
        return {
            "detections": detections,
            "scores": scores,
            "instances": self._instances.copy(),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces what was accumulated.

        Raises:
          ValueError: the state is for another number of classes.
        """
        instances = np.asarray(state["instances"], np.int64)
        if instances.shape != self._instances.shape:
            raise ValueError(
                f"the stored state has {len(instances)} classes, but "
                f"{self._info.name!r} has {self._info.num_classes}"
            )
        self._detections = [np.array(state["detections"], np.int64)]
        self._scores = [np.array(state["scores"], np.float64)]
        self._instances = instances.copy()

    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the detections and their scores in a canonical order."""
        detections = np.concatenate(self._detections)
        scores = np.concatenate(self._scores)
        order = np.lexsort([scores, *detections.T])
        return detections[order], scores[order]


def _last_of_each(groups: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Returns the index of the largest key in each group; groups are 0, 1, ..."""
    order = np.lexsort([keys, groups])
    ends = np.append(np.flatnonzero(np.diff(groups[order])), len(order) - 1)
    return order[ends]


def _average_precision(
    detections: np.ndarray, scores: np.ndarray, instances: int, threshold: float
) -> float:
    """Returns the area under the precision-recall curve, 0 to 1.

    Args:
      detections: [n, 6] int64, detections of one class.
      scores: [n] float64, confidence of each detection.
      instances: number of ground-truth instances.
      threshold: IoU threshold, at least 0.5, so that matches are unique.
    """
    _, pixels, excused, intersection, union, counts = detections.T
    fits = intersection / union > threshold
    is_right = fits & (counts == 1)
    is_wrong = ~fits & (excused / pixels <= threshold)
    kept = is_right | is_wrong
    if not kept.any():
        return 0.0
    is_right, scores = is_right[kept], scores[kept]
    thresholds = np.unique(scores)
    # Counts of the detections with at least each distinct score.
    right = _at_least(scores[is_right], thresholds)
    precision = np.append(right / _at_least(scores, thresholds), 1.0)
    recall = np.append(right / instances, 0.0)
    # The weight of a point is half of the distance between its neighbours.
    padded = np.concatenate([recall[:1], recall, [0.0]])
    return float(np.dot(precision, (padded[:-2] - padded[2:]) / 2))


def _at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Returns the number of values that are at least each threshold."""
    return len(values) - np.searchsorted(np.sort(values), thresholds)


@METRICS.register("cityscapes_instance_ap")
def build_cityscapes_instance_ap(
    info: DatasetInfo, options: EvaluatorOptions
) -> CityscapesInstanceAP:
    """Returns the metric, which has no options."""
    del options
    return CityscapesInstanceAP(info)
