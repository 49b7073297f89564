"""Panoptic-DeepLab's post-processing pixel by pixel, and random scenes for it."""

import numpy as np


def random_scene(rng, height, width, num_classes=6, centers=5, reach=4.0):
    """Returns probabilities, heatmap and offsets of one image.

    Values are coarse, so that classes, votes, centres and distances often tie.
    """
    probs = rng.integers(0, 4, (height, width, num_classes)).astype("float32")
    # Blobs, not only noise: classes that win over whole areas.
    for _ in range(4):
        y, x = rng.integers(0, height), rng.integers(0, width)
        probs[y : y + height // 2, x : x + width // 2, rng.integers(num_classes)] += 2
    heatmap = rng.integers(0, 3, (height, width)).astype("float32") / 100
    y, x = rng.integers(0, height, centers), rng.integers(0, width, centers)
    heatmap[y, x] = rng.integers(1, 10, centers) / 10
    offsets = rng.normal(0, reach, (height, width, 2))
    whole = rng.random((height, width)) < 0.5
    offsets[whole] = np.round(offsets[whole])
    return probs, heatmap, offsets.astype("float32")


def postprocess(
    probs,
    heatmap,
    offsets,
    *,
    labels,
    center_threshold,
    nms_kernel,
    keep_k_centers,
    stuff_area_limit,
):
    """Returns the five maps of one image by name, float32 and int32."""
    height, width, _ = probs.shape
    semantic = probs.argmax(-1).astype("int32")
    is_thing = np.isin(semantic, labels.thing_ids)
    peaks = find_peaks(heatmap, center_threshold, nms_kernel)
    centers = [tuple(c) for c in np.argwhere(peaks > 0)]
    if 0 < keep_k_centers < len(centers):
        best = sorted(centers, key=lambda c: -peaks[c])[:keep_k_centers]
        centers = sorted(best)
    instance = np.zeros((height, width), "int32")
    scores = np.zeros((height, width), "float32")
    for y, x in np.argwhere(is_thing):
        if centers:
            point = np.float32([y, x]) + offsets[y, x]
            apart = np.float32(centers) - point
            nearest = np.square(apart, dtype="float64").sum(-1).argmin()
            instance[y, x] = nearest + 1
            scores[y, x] = peaks[centers[nearest]]
    return {
        "semantic_pred": semantic,
        "instance_pred": instance,
        "instance_center_pred": peaks,
        "instance_scores": scores,
        "panoptic_pred": merge(semantic, instance, labels, stuff_area_limit),
    }


def find_peaks(heatmap, threshold, kernel):
    height, width = heatmap.shape
    kept = np.where(heatmap > threshold, heatmap, 0).astype("float32")
    before, peaks = (kernel - 1) // 2, np.zeros_like(kept)
    for y in range(height):
        for x in range(width):
            top, left = y - before, x - before
            window = kept[max(top, 0) : top + kernel, max(left, 0) : left + kernel]
            if kept[y, x] == window.max():
                peaks[y, x] = kept[y, x]
    return peaks


def merge(semantic, instance, labels, stuff_area_limit):
    divisor, void = labels.label_divisor, labels.ignore_label * labels.label_divisor
    panoptic = semantic * divisor
    for c in np.unique(semantic):
        if c not in labels.thing_ids and 0 < (semantic == c).sum() <= stuff_area_limit:
            panoptic[semantic == c] = void
    is_thing = np.isin(semantic, labels.thing_ids)
    used = {}
    for i in sorted(np.unique(instance[is_thing]), reverse=True):
        pixels = is_thing & (instance == i)
        majority = int(np.bincount(semantic[pixels]).argmax())
        used[majority] = used.get(majority, 0) + 1
        label = majority * divisor + used[majority]
        if used[majority] >= divisor:
            label = void
        panoptic[pixels] = label
    return panoptic
