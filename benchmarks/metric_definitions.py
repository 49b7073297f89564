"""Reference implementations of metrics, written from the definitions in their papers.

They are for metrics whose official code cannot be installed: that of STEP, ViP-DeepLab
and depth is part of DeepLab2 or a script, and that of Boundary IoU is not a package.
From the library they use only the description of a data set. Sums are plain loops over
pairs of segments, whose pixels are counted by sorting, as in the official code.

Each function returns values under the names that the library's metric uses.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from deeplab.core.dataset_info import DatasetInfo

# (true label, predicted label) -> number of common pixels.
Pairs = collections.Counter[tuple[int, int]]
# Upper limit of the IoU of a pair of segments.
Limit = Callable[[int, int], float]


class Frame(NamedTuple):
    """A labelled frame and its prediction; depth in metres, 0 where unknown."""

    video: str
    truth: np.ndarray
    predicted: np.ndarray
    depth: np.ndarray
    predicted_depth: np.ndarray


def pixel_pairs(truth: np.ndarray, predicted: np.ndarray) -> Pairs:
    """Returns the number of pixels that each pair of (non-negative) labels shares."""
    values, counts = np.unique(
        truth.astype(np.int64) * 2**32 + predicted, return_counts=True
    )
    return collections.Counter(
        {
            divmod(value, 2**32): count
            for value, count in zip(values.tolist(), counts.tolist(), strict=True)
        }
    )


def area_of(pairs: Pairs, side: int) -> dict[int, int]:
    """Returns the area of each label in pixels, true (side 0) or predicted (side 1)."""
    areas: collections.Counter[int] = collections.Counter()
    for pair, count in pairs.items():
        areas[pair[side]] += count
    return areas


def panoptic_quality(
    images: Iterable[tuple[Pairs, Limit | None]], info: DatasetInfo
) -> dict[str, float]:
    """Panoptic quality (Kirillov et al., CVPR 2019), with the rules of its tool.

    Args:
      images: label pairs of each image, and the limit of their IoU, if any.
      info: description of the data set.
    """
    divisor = info.label_divisor
    things = set(info.thing_ids)
    ious: dict[int, list[float]] = collections.defaultdict(list)
    false_negatives: collections.Counter[int] = collections.Counter()
    false_positives: collections.Counter[int] = collections.Counter()
    for pairs, limit in images:
        truth, predicted = area_of(pairs, 0), area_of(pairs, 1)
        voids = [t for t in truth if t // divisor == info.ignore_label]
        crowds = [t for t in truth if t // divisor in things and t % divisor == 0]
        unmatched_truth = set(truth) - {*voids, *crowds}
        unmatched_predicted = {p for p in predicted if p // divisor in info.by_id}
        in_void = {p: sum(pairs[v, p] for v in voids) for p in predicted}
        for (t, p), common in pairs.items():
            if t in voids or t in crowds or t // divisor != p // divisor:
                continue
            iou = common / (truth[t] + predicted[p] - common - in_void[p])
            iou = min(iou, limit(t, p)) if limit else iou
            if iou > 0.5:
                ious[t // divisor].append(iou)
                unmatched_truth.remove(t)
                unmatched_predicted.remove(p)
        false_negatives.update(t // divisor for t in unmatched_truth)
        for p in unmatched_predicted:
            crowd = sum(pairs[c, p] for c in crowds if c // divisor == p // divisor)
            if in_void[p] + crowd <= 0.5 * predicted[p]:
                false_positives[p // divisor] += 1
    values = {}
    for c in info.by_id:
        found = len(ious[c]) + 0.5 * false_negatives[c] + 0.5 * false_positives[c]
        if found:
            values[c] = (
                100 * sum(ious[c]) / found,
                100 * sum(ious[c]) / max(len(ious[c]), 1),
                100 * len(ious[c]) / found,
            )
    return _by_group(values, info)


def _by_group(
    values: Mapping[int, tuple[float, float, float]], info: DatasetInfo
) -> dict[str, float]:
    things = set(info.thing_ids)
    groups = {
        "all": list(values),
        "things": [c for c in values if c in things],
        "stuff": [c for c in values if c not in things],
    }
    result = {}
    for i, kind in enumerate(("pq", "sq", "rq")):
        for group, members in groups.items():
            mean = sum(values[c][i] for c in members) / max(len(members), 1)
            result[f"{group}/{kind}"] = mean
        result |= {f"{kind}/{info.by_id[c].name}": v[i] for c, v in values.items()}
    return result


def boundary(mask: np.ndarray) -> np.ndarray:
    """Returns the pixels of a mask near its outline (Cheng et al., CVPR 2021).

    These are the pixels that disappear when the mask is eroded, one pixel at a time, by
    2 % of the image diagonal; pixels outside the image do not belong to the mask.
    """
    steps = max(1, round(0.02 * math.hypot(*mask.shape)))
    padded = cv2.copyMakeBorder(
        mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
    )
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=steps)
    return mask & (eroded[1:-1, 1:-1] == 0)


def boundary_panoptic_quality(
    frames: Sequence[Frame], info: DatasetInfo
) -> dict[str, float]:
    """Panoptic quality by the smaller of mask IoU and boundary IoU."""

    def limit_of(frame: Frame) -> Limit:
        void = frame.truth // info.label_divisor == info.ignore_label

        def limit(t: int, p: int) -> float:
            true_edge = boundary(frame.truth == t)
            predicted_edge = boundary(frame.predicted == p) & ~void
            common = np.count_nonzero(true_edge & predicted_edge)
            return common / np.count_nonzero(true_edge | predicted_edge)

        return limit

    images = [(pixel_pairs(f.truth, f.predicted), limit_of(f)) for f in frames]
    return panoptic_quality(images, info)


def boundary_iou(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """Boundary IoU of class regions, with pixels summed over all images."""
    common: collections.Counter[str] = collections.Counter()
    union: collections.Counter[str] = collections.Counter()
    for frame in frames:
        truth = frame.truth // info.label_divisor
        predicted = frame.predicted // info.label_divisor
        labelled = truth != info.ignore_label
        for c in info.classes:
            true_edge = boundary(truth == c.id) & labelled
            predicted_edge = boundary(predicted == c.id) & labelled
            common[c.name] += np.count_nonzero(true_edge & predicted_edge)
            union[c.name] += np.count_nonzero(true_edge | predicted_edge)
    ious = {f"iou/{n}": 100 * common[n] / union[n] for n in union if union[n]}
    return {"miou": sum(ious.values()) / max(len(ious), 1), **ious}


def mean_iou(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """IoU of classes and accuracies of pixels (Everingham et al., IJCV 2010)."""
    confusion: Pairs = collections.Counter()
    for frame in frames:
        confusion += _class_pairs(pixel_pairs(frame.truth, frame.predicted), info)
    true, predicted = area_of(confusion, 0), area_of(confusion, 1)
    pixels = sum(true.values())
    right = {c.id: confusion[c.id, c.id] for c in info.classes}
    ious = {
        c.id: 100 * right[c.id] / (true[c.id] + predicted[c.id] - right[c.id])
        for c in info.classes
        if true[c.id] + predicted[c.id]
    }
    found = [100 * right[c] / true[c] for c in right if true[c]]
    return {
        "miou": sum(ious.values()) / len(ious),
        "frequency_weighted_iou": sum(i * true[c] for c, i in ious.items()) / pixels,
        "pixel_accuracy": 100 * sum(right.values()) / pixels,
        "mean_accuracy": sum(found) / len(found),
        **{f"iou/{info.by_id[c].name}": iou for c, iou in ious.items()},
    }


def _class_pairs(pairs: Pairs, info: DatasetInfo) -> Pairs:
    """Returns pixel counts by true and predicted class, without void ground truth."""
    result: Pairs = collections.Counter()
    for (t, p), count in pairs.items():
        if t // info.label_divisor != info.ignore_label:
            result[t // info.label_divisor, p // info.label_divisor] += count
    return result


def stq(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """Segmentation and tracking quality (Weber et al., NeurIPS 2021)."""
    videos: dict[str, Pairs] = {}
    for frame in frames:
        known = videos.setdefault(frame.video, collections.Counter())
        known.update(pixel_pairs(frame.truth, frame.predicted))
    result = _stq(videos.values(), info)
    for name, pairs in videos.items():
        result |= {f"{k}/{name}": v for k, v in _stq([pairs], info).items()}
    return result


def _stq(videos: Iterable[Pairs], info: DatasetInfo) -> dict[str, float]:
    divisor, things = info.label_divisor, set(info.thing_ids)
    association: list[float] = []
    confusion: Pairs = collections.Counter()
    for pairs in videos:
        confusion += _class_pairs(pairs, info)
        tracks = {
            t: area
            for t, area in area_of(pairs, 0).items()
            if t // divisor in things and t % divisor
        }
        guesses: collections.Counter[int] = collections.Counter()
        for (t, p), count in pairs.items():
            is_crowd = t // divisor in things and t % divisor == 0
            if p // divisor in things and not is_crowd:
                guesses[p] += count
        for track, area in tracks.items():
            shares = [
                n * (n / (area + guesses[p] - n))
                for (t, p), n in pairs.items()
                if t == track and p in guesses
            ]
            association.append(sum(shares) / area)
    true, predicted = area_of(confusion, 0), area_of(confusion, 1)
    # Void predicted on a labelled pixel counts as one more class, with IoU 0.
    ious = [
        confusion[c, c] / (true[c] + predicted[c] - confusion[c, c])
        for c in {*true, *predicted}
    ]
    aq = sum(association) / max(len(association), 1)
    iou = sum(ious) / max(len(ious), 1)
    return {"stq": 100 * math.sqrt(aq * iou), "aq": 100 * aq, "iou": 100 * iou}


def dstq(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """STQ combined with depth inliers; ratios in float32, as published in DeepLab2."""
    known, right = 0, collections.Counter[float]()
    for frame in frames:
        measured = frame.depth > 0
        known += np.count_nonzero(measured)
        measured &= frame.predicted_depth > 0
        ratio = frame.predicted_depth[measured] / frame.depth[measured]
        inverse = frame.depth[measured] / frame.predicted_depth[measured]
        for factor in (1.25, 1.1):
            right[factor] += np.count_nonzero(np.maximum(ratio, inverse) <= factor)
    tracking = stq(frames, info)
    quality = {factor: 100 * right[factor] / max(known, 1) for factor in (1.25, 1.1)}
    dq = math.sqrt(quality[1.25] * quality[1.1])
    result = {name: tracking[name] for name in ("stq", "aq", "iou")}
    result |= {"dq": dq, "dstq": (tracking["stq"] ** 2 * dq) ** (1 / 3)}
    for factor, value in quality.items():
        result[f"dq@{factor}"] = value
        result[f"dstq@{factor}"] = (tracking["stq"] ** 2 * value) ** (1 / 3)
    return result


def vpq(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """Video panoptic quality (Kim et al., CVPR 2020), windows of 1 to 4 frames."""
    videos: dict[str, list[Pairs]] = collections.defaultdict(list)
    for frame in frames:
        videos[frame.video].append(pixel_pairs(frame.truth, frame.predicted))
    result = {}
    for length in (1, 2, 3, 4):
        windows = [
            (sum(pairs[i : i + length], Pairs()), None)
            for pairs in videos.values()
            for i in range(len(pairs) - length + 1)
        ]
        if windows:
            quality = panoptic_quality(windows, info)
            for group in ("all", "things", "stuff"):
                result[f"{length}_frames/{group}"] = quality[f"{group}/pq"]
    return _with_means(result)


def dvpq(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """VPQ with void where the depth is wrong (Qiao et al., CVPR 2021)."""
    result = {}
    void = info.ignore_label * info.label_divisor
    for error in (0.1, 0.25, 0.5):
        left = []
        for frame in frames:
            depth = frame.depth.astype(np.float64)
            measured = depth > 0
            off = abs(frame.predicted_depth - depth)[measured] / depth[measured]
            predicted = frame.predicted.copy()
            predicted[measured] = np.where(off > error, void, predicted[measured])
            left.append(frame._replace(predicted=predicted))
        values = vpq(left, info)
        result |= {f"{error}/{name}": values[name] for name in values if "/" in name}
    return _with_means(result)


def _with_means(values: Mapping[str, float]) -> dict[str, float]:
    """Returns the values, and the mean of each group over the names that end in it."""
    result = dict(values)
    for group in ("all", "things", "stuff"):
        members = [v for n, v in values.items() if n.endswith(f"/{group}")]
        result[group] = sum(members) / len(members)
    return result


def vpq_2frames(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """Panoptic quality of each pair of consecutive frames, taken as one image."""
    pairs = [pixel_pairs(frame.truth, frame.predicted) for frame in frames]
    images = [
        (pairs[i] + pairs[i + 1], None)
        for i in range(len(frames) - 1)
        if frames[i].video == frames[i + 1].video
    ]
    return panoptic_quality(images, info)


def depth(frames: Sequence[Frame], info: DatasetInfo) -> dict[str, float]:
    """Depth errors (Eigen et al., NeurIPS 2014; Uhrig et al., 3DV 2017)."""
    del info
    rows = []
    for frame in frames:
        measured = frame.depth > 0
        true = frame.depth[measured].astype(np.float64)
        guess = frame.predicted_depth[measured].astype(np.float64)
        factor = np.maximum(guess / true, true / guess)
        log = np.log(guess) - np.log(true)
        rows.append(
            {
                "inlier": 100 * np.mean(factor < 1.25),
                "inlier_2": 100 * np.mean(factor < 1.25**2),
                "inlier_3": 100 * np.mean(factor < 1.25**3),
                "silog": 100 * np.std(log),
                "abs_rel": 100 * np.mean(abs(guess - true) / true),
                "sq_rel": 100 * np.mean(((guess - true) / true) ** 2),
                "rmse": np.sqrt(np.mean((guess - true) ** 2)),
                "rmse_log": np.sqrt(np.mean(log**2)),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def top_k_accuracy(classes: Sequence[int], probs: np.ndarray) -> dict[str, float]:
    """Share of images whose class is among the k most probable ones (ILSVRC).

    Args:
      classes: true class of each image.
      probs: [images, classes] probabilities.
    """
    order = np.argsort(-probs, axis=1, kind="stable").tolist()
    return {
        f"top_{k}": 100
        * sum(c in o[:k] for c, o in zip(classes, order, strict=True))
        / len(classes)
        for k in (1, 5)
    }
