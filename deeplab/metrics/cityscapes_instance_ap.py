"""Average precision of instances by the rules of Cityscapes.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
2016, https://arxiv.org/abs/1604.01685; equal to `evalInstanceLevelSemanticLabeling` of
`cityscapesScripts` for label maps. Other than COCO's: a match needs an IoU above the
threshold, of the thresholds 0.5, 0.55 ... 0.95; instances below 100 pixels and crowds
are never missed; a detection that no instance explains is forgiven if more than the
threshold of its pixels is void, crowd or a small instance of its class; precision is
integrated over recall as it is, without interpolation.
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

# As the official script makes them, so that equal fractions compare equal.
THRESHOLDS = np.arange(0.5, 1.0, 0.05)
_MIN_PIXELS = 100

# A detection: class, its pixels, those of them that excuse it; then intersection and
# union with the segment of its class that fits best, and whether that one counts.
_COLUMNS = 6


class CityscapesInstanceAP:
    """Detections of all images, each with the segment that explains it best."""

    def __init__(self, info: DatasetInfo):
        """Makes an empty metric for the things of a data set."""
        self._info = info
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        self._detections = [np.zeros((0, _COLUMNS), np.int64)]
        self._scores = [np.zeros(0)]
        # Instances that count, by class.
        self._instances = np.zeros(self._info.num_classes, np.int64)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image.

        Reads `panoptic_raw` (instance 0 of a thing is a crowd; void with an instance is
        an object of a class that is not evaluated, which excuses nothing),
        `panoptic_pred`, `instance_scores`, and `semantic_scores` or else
        `semantic_probs` for the confidence of the class.
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

        # From here on one entry is one overlap of a true and a predicted segment.
        same = truth_class[of_truth] == predicted_class[of_predicted]
        same &= is_thing[of_truth]
        # A small crowd excuses twice, as in the official script.
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
        """Returns figures in percent.

        "ap", the mean over classes and thresholds; "ap50", that of IoU 0.5; the same of
        each class with instances, "ap/<class>" and "ap50/<class>". Without any
        instance, both means are -1.
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
        """Returns the detections, and the number of instances of each class."""
        detections, scores = self._sorted()
        return {
            "detections": detections,
            "scores": scores,
            "instances": self._instances.copy(),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces what was gathered.

        Raises:
          ValueError: it belongs to another number of classes.
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
        """Returns detections and scores in an order that does not depend on theirs."""
        detections = np.concatenate(self._detections)
        scores = np.concatenate(self._scores)
        order = np.lexsort([scores, *detections.T])
        return detections[order], scores[order]


def _last_of_each(groups: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Returns the index of the largest key of each group, 0 to the last."""
    order = np.lexsort([keys, groups])
    ends = np.append(np.flatnonzero(np.diff(groups[order])), len(order) - 1)
    return order[ends]


def _average_precision(
    detections: np.ndarray, scores: np.ndarray, instances: int, threshold: float
) -> float:
    """Returns the area under the steps of precision over recall, 0 to 1.

    Args:
      detections: [n, 6] int64, of one class.
      scores: [n] float64.
      instances: how many there are to find.
      threshold: of IoU, at least 0.5: only one detection fits an instance.
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
    # Of the detections that are at least as sure as each distinct score.
    right = _at_least(scores[is_right], thresholds)
    precision = np.append(right / _at_least(scores, thresholds), 1.0)
    recall = np.append(right / instances, 0.0)
    # A point stands for half the way to each of its neighbours.
    padded = np.concatenate([recall[:1], recall, [0.0]])
    return float(np.dot(precision, (padded[:-2] - padded[2:]) / 2))


def _at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Returns how many values are not below each threshold."""
    return len(values) - np.searchsorted(np.sort(values), thresholds)


@METRICS.register("cityscapes_instance_ap")
def build_cityscapes_instance_ap(
    info: DatasetInfo, options: EvaluatorOptions
) -> CityscapesInstanceAP:
    """Returns the metric, which has no option."""
    del options
    return CityscapesInstanceAP(info)
