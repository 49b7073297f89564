"""Time of Panoptic-DeepLab's post-processing, in total and by part, on the CPU.

    python benchmarks/postprocess.py [--height 1025 --width 2049 --instances 68]

Measures the way from class probabilities, centre heatmap and offsets to all maps. The
compiled operation published with DeepLab2 took 1.18 s for an image of that size with 60
instances and 19 classes; the target here is 0.25 s on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf

from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Prediction
from deeplab.postprocess.center_offset import CenterOffset
from deeplab.postprocess.centers import find_centers, find_peaks
from deeplab.postprocess.grouping import nearest_center
from deeplab.postprocess.merging import merge_maps
from deeplab.postprocess.semantic import most_probable_class
from tests.parity import scenes

PUBLISHED = 1.18
CLASSES = 19
THINGS = tuple(range(11, CLASSES))
LABELS = LabelSpace(CLASSES, THINGS, tuple(range(11)), 255, 1000)
AREA_LIMIT = 2048
KERNEL, THRESHOLD, KEEP = 13, 0.1, 200


def scene(height: int, width: int, instances: int, error: float) -> Prediction:
    """Returns what a network might predict for a drawn scene.

    Args:
      height: image height in pixels.
      width: image width in pixels.
      instances: number of instances to draw; some hide others.
      error: standard deviation of the offset errors in pixels.
    """
    rng = np.random.default_rng(0)
    label = scenes.panoptic(height, width, seed=0, n=instances, crowd=False)
    classes = np.where(label // 1000 == 255, 0, label // 1000)
    probs = 0.3 * rng.random((height, width, CLASSES), np.float32)
    np.put_along_axis(probs, classes[..., np.newaxis], 1.0, axis=-1)
    heatmap = 0.05 * rng.random((height, width), np.float32)
    offsets = rng.normal(0, error, (height, width, 2))
    y, x = np.mgrid[:height, :width]
    for i in np.unique(label[label % 1000 > 0]):
        rows, columns = np.nonzero(label == i)
        row, column = round(rows.mean()), round(columns.mean())
        offsets[rows, columns] += np.stack([row - rows, column - columns], axis=-1)
        peak = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 128)
        heatmap = np.maximum(heatmap, rng.uniform(0.5, 1) * peak)
    return Prediction(
        semantic_probs=tf.constant((probs / probs.sum(-1, keepdims=True))[np.newaxis]),
        center_heatmap=tf.constant(heatmap[np.newaxis], tf.float32),
        offset_map=tf.constant(offsets[np.newaxis], tf.float32),
    )


def timed(name: str, function: Callable[..., Any], *args: Any, ratio: bool = False):
    """Prints the shortest and the median time of a function; returns its result."""
    function(*args)
    times = []
    for _ in range(15):
        start = time.perf_counter()
        result = function(*args)
        times.append(time.perf_counter() - start)
    best, median = min(times), sorted(times)[len(times) // 2]
    note = f"{PUBLISHED / best:8.1f} x as fast as published" if ratio else ""
    print(f"  {name:16s} {1e3 * best:8.1f} {1e3 * median:8.1f} ms{note}", flush=True)
    return result


def time_parts(prediction: Prediction) -> None:
    """Prints the time of each part, as a graph without XLA."""
    shape = tf.shape(prediction.center_heatmap)
    semantic = timed("classes", tf.function(most_probable_class), prediction)
    peaks = timed(
        "peaks",
        tf.function(lambda m: find_peaks(m, threshold=THRESHOLD, kernel=KERNEL)),
        prediction.center_heatmap,
    )
    centers = timed(
        "centres",
        tf.function(lambda m: find_centers(m, keep=KEEP, static_shapes=False)),
        peaks,
    )
    is_thing = tf.reduce_any(semantic[..., tf.newaxis] == THINGS, axis=-1)
    instance = timed(
        "grouping",
        tf.function(lambda *maps: nearest_center(*maps, static_shapes=False)),
        centers,
        prediction.offset_map,
        is_thing,
    )
    timed(
        "merging",
        tf.function(
            lambda *maps: merge_maps(
                *maps,
                max_instance=tf.shape(centers.score)[1],
                labels=LABELS,
                stuff_area_limit=AREA_LIMIT,
            )
        ),
        semantic,
        instance,
    )
    share = tf.reduce_mean(tf.cast(is_thing, tf.float32))
    print(f"  {shape[1]} x {shape[2]}, {centers.count[0]} centres, things {share:.0%}")


def main() -> None:
    """Prints a line per scene, variant and part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=1025)
    parser.add_argument("--width", type=int, default=2049)
    # Of 68 drawn instances, 60 stay visible.
    parser.add_argument("--instances", type=int, default=68)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    process = CenterOffset(
        labels=LABELS,
        center_threshold=THRESHOLD,
        nms_kernel=KERNEL,
        keep_k_centers=KEEP,
        stuff_area_limit=AREA_LIMIT,
    )
    images = tf.zeros([1, args.height, args.width, 3])

    def postprocess(prediction: Prediction) -> Prediction:
        return process(prediction, images)

    print(f"{args.threads} threads, batch 1; best and median of 15")
    for error in (2.0, 40.0):
        prediction = scene(args.height, args.width, args.instances, error)
        print(f"offset error {error:.0f} pixels")
        timed("whole, graph", tf.function(postprocess), prediction, ratio=True)
        compiled = tf.function(postprocess, jit_compile=True)
        timed("whole, XLA", compiled, prediction, ratio=True)
        timed("whole, eager", postprocess, prediction, ratio=True)
        time_parts(prediction)


if __name__ == "__main__":
    main()
