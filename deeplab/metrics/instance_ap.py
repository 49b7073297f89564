"""Mask average precision and recall of the instances in panoptic predictions.

Microsoft COCO: Common Objects in Context, T.-Y. Lin et al., ECCV 2014,
https://arxiv.org/abs/1405.0312; computed by `faster-coco-eval`, whose results are those
of `pycocotools`. As in the published code, each predicted thing segment is a detection,
and its score is its mean class probability times its mean instance score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster, mask

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.metrics.base import check_maps, check_prediction, check_truth
from deeplab.predictions.run_lengths import SegmentRuns, compress, segments
from deeplab.predictions.scores import predicted_scores
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# In the order of the COCO evaluation: average precision, then average recall.
NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)


class _Mask(NamedTuple):
    """A mask; `value` is 1 for a crowd, 0 for other ground truth, or a score."""

    class_id: int
    value: float
    runs: bytes


class _Image(NamedTuple):
    height: int
    width: int
    truth: tuple[_Mask, ...]
    detections: tuple[_Mask, ...]


class InstanceAP:
    """Mask AP and AR; the masks of all images are stored as run lengths."""

    def __init__(self, info: DatasetInfo, *, detailed: bool = False):
        """Makes an empty metric.

        Args:
          info: description of the data set.
          detailed: whether the result has all 12 numbers or only the first.
        """
        self._info = info
        self._detailed = detailed
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        self._images: list[_Image] = []

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image.

        Reads `panoptic_raw`, `is_crowd_raw` (without it, instance 0 of a thing class
        is a crowd), `panoptic_pred`, `instance_scores` and, for the confidence of the
        class, `semantic_scores` or else `semantic_probs`.
        """
        has_scores = prediction.semantic_scores is not None
        confidence = "semantic_scores" if has_scores else "semantic_probs"
        maps = {
            "panoptic_raw": example.panoptic_raw,
            "panoptic_pred": prediction.panoptic_pred,
            confidence: getattr(prediction, confidence),
            "instance_scores": prediction.instance_scores,
        }
        if example.is_crowd_raw is not None:
            maps["is_crowd_raw"] = example.is_crowd_raw
        check_maps(example, **maps)
        true, predicted = (
            segments(maps["panoptic_raw"]),
            segments(maps["panoptic_pred"]),
        )
        check_truth(example, self._info, map(self._class_of, true))
        check_prediction(example, self._info, map(self._class_of, predicted))
        height, width = np.shape(maps["panoptic_raw"])
        truth = tuple(
            _Mask(
                self._class_of(segment),
                float(self._is_crowd(example.is_crowd_raw, segment, height)),
                compress(segment, height, width),
            )
            for segment in self._things(true)
        )
        scores = predicted_scores(prediction, self._info.label_space)
        detections = tuple(
            _Mask(
                self._class_of(segment),
                scores[segment.label],
                compress(segment, height, width),
            )
            for segment in self._things(predicted)
        )
        self._images.append(_Image(height, width, truth, detections))

    def _class_of(self, segment: SegmentRuns) -> int:
        return self._info.label_space.class_of(segment.label)

    def _things(self, found: Sequence[SegmentRuns]) -> list[SegmentRuns]:
        things = set(self._info.thing_ids)
        return [segment for segment in found if self._class_of(segment) in things]

    def _is_crowd(
        self, is_crowd: np.ndarray | None, segment: SegmentRuns, height: int
    ) -> bool:
        if is_crowd is None:
            return self._info.label_space.decode(segment.label)[1] == 0
        column, row = divmod(int(segment.starts[0]), height)
        return bool(is_crowd[row, column])

    def result(self) -> dict[str, float]:
        """Returns "ap" in percent, or all of `NAMES`.

        A value is -1 if the ground truth has no instance (of that size).
        """
        names = NAMES if self._detailed else NAMES[:1]
        return dict(zip(names, _summary(self._evaluations()), strict=False))

    def _evaluations(self) -> list[Mapping[str, np.ndarray]]:
        """Returns precision and recall of each class with instances."""
        of_class: dict[int, list[_Image]] = {c: [] for c in self._info.thing_ids}
        for image in self._sorted_images():
            for class_id in {m.class_id for m in (*image.truth, *image.detections)}:
                of_class[class_id].append(_only(image, class_id))
        return [
            _evaluate(class_id, images)
            for class_id, images in of_class.items()
            if any(not found.value for image in images for found in image.truth)
        ]

    def _sorted_images(self) -> list[_Image]:
        # Detections with equal scores are ranked in the order of the images, which
        # must therefore not depend on how the images were accumulated.
        return sorted(self._images)

    def merge(self, other: InstanceAP) -> None:
        """Adds the images of another metric."""
        self._images += other._images

    def state(self) -> dict[str, np.ndarray]:
        """Returns the masks of all images, in a canonical order."""
        images = self._sorted_images()
        state = {"sizes": np.array([i[:2] for i in images], np.int64).reshape(-1, 2)}
        for kind in ("truth", "detections"):
            masks = [m for image in images for m in getattr(image, kind)]
            runs = [m.runs for m in masks]
            state |= {
                f"{kind}/counts": np.array(
                    [len(getattr(i, kind)) for i in images], int
                ),
                f"{kind}/classes": np.array([m.class_id for m in masks], np.int64),
                f"{kind}/values": np.array([m.value for m in masks], np.float64),
                f"{kind}/lengths": np.array([len(r) for r in runs], np.int64),
                f"{kind}/runs": np.frombuffer(b"".join(runs), np.uint8),
            }
        return state

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces the masks of all images."""
        truth, detections = _masks(state, "truth"), _masks(state, "detections")
        self._images = [
            _Image(int(height), int(width), t, d)
            for (height, width), t, d in zip(
                state["sizes"], truth, detections, strict=True
            )
        ]


def _only(image: _Image, class_id: int) -> _Image:
    """Returns only the masks of one class."""
    return image._replace(
        truth=tuple(m for m in image.truth if m.class_id == class_id),
        detections=tuple(m for m in image.detections if m.class_id == class_id),
    )


def _evaluate(class_id: int, images: Sequence[_Image]) -> Mapping[str, np.ndarray]:
    """Returns the COCO evaluation of a class.

    The package stores data for each pair of image and class, although most pairs have
    no masks; evaluating one class at a time takes a fraction of the memory and time.

    Returns:
      "precision" [overlaps, recalls, 1, sizes, maximum detections] and "recall"
      [overlaps, 1, sizes, maximum detections], 0 to 1, or -1 if there is no instance.
    """
    truth = [
        {
            **_annotation(index, size, found),
            "id": number,
            "iscrowd": int(found.value),
            "area": int(mask.area({"size": size, "counts": found.runs})),
            "bbox": [0, 0, 0, 0],
        }
        for number, (index, size, found) in enumerate(_all(images, "truth"), 1)
    ]
    detections = [
        {**_annotation(index, size, found), "score": found.value}
        for index, size, found in _all(images, "detections")
    ]
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": i, "height": image.height, "width": image.width}
            for i, image in enumerate(images)
        ],
        "annotations": truth,
        "categories": [{"id": class_id}],
    }
    coco.createIndex()
    evaluation = COCOeval_faster(
        coco, coco.loadRes(detections), iouType="segm", extra_calc=False
    )
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval


def _summary(evaluations: Sequence[Mapping[str, np.ndarray]]) -> list[float]:
    """Returns the 12 numbers of the COCO evaluation in percent, -1 without instances.

    The sizes are all, small, medium and large; the maximum numbers of detections are 1,
    10 and 100; the first and the sixth overlap are 0.5 and 0.75.
    """
    if not evaluations:
        return [-1.0] * len(NAMES)
    precision = np.concatenate([e["precision"] for e in evaluations], axis=2)
    recall = np.concatenate([e["recall"] for e in evaluations], axis=1)
    parts = [precision[..., 0, 2], precision[0, ..., 0, 2], precision[5, ..., 0, 2]]
    parts += [precision[..., size, 2] for size in (1, 2, 3)]
    parts += [recall[..., 0, most] for most in (0, 1, 2)]
    parts += [recall[..., size, 2] for size in (1, 2, 3)]
    return [
        100.0 * float(part[part > -1].mean()) if (part > -1).any() else -1.0
        for part in parts
    ]


def _all(images: Sequence[_Image], kind: str) -> Iterator[tuple[int, list[int], _Mask]]:
    """Yields the number of the image, its height and width, and each of its masks."""
    for index, image in enumerate(images):
        for found in getattr(image, kind):
            yield index, [image.height, image.width], found


def _annotation(index: int, size: list[int], found: _Mask) -> dict[str, Any]:
    """Returns the entries that truth and detections share in the COCO format."""
    return {
        "image_id": index,
        "category_id": found.class_id,
        "segmentation": {"size": size, "counts": found.runs},
    }


def _masks(state: Mapping[str, np.ndarray], kind: str) -> list[tuple[_Mask, ...]]:
    """Returns the masks of each image in a state."""
    all_runs = state[f"{kind}/runs"].tobytes()
    ends = np.cumsum(state[f"{kind}/lengths"]).tolist()
    masks = [
        _Mask(int(class_id), float(value), all_runs[start:end])
        for class_id, value, start, end in zip(
            state[f"{kind}/classes"],
            state[f"{kind}/values"],
            [0, *ends][:-1],
            ends,
            strict=True,
        )
    ]
    counts = np.cumsum(state[f"{kind}/counts"]).tolist()
    return [
        tuple(masks[start:end])
        for start, end in zip([0, *counts][:-1], counts, strict=True)
    ]


@METRICS.register("instance_ap")
def build_instance_ap(info: DatasetInfo, options: EvaluatorOptions) -> InstanceAP:
    """Returns the metric; the options select 1 or 12 numbers."""
    return InstanceAP(info, detailed=options.detailed_ap_metrics)
