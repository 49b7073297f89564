"""Time of adding one image to each metric, on one core.

    python benchmarks/metrics.py [--height 1025 --width 2049 --instances 68]

The panoptic quality published with DeepLab2 took 54 ms for an image of that size; the
target here is 10 ms. Besides a smooth prediction, as networks give, the worst case is
timed: a prediction that changes its label at every second pixel.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity import scenes

PUBLISHED_PQ = 54e-3
INFO = DatasetInfo(
    name="benchmark",
    classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)


def images(height: int, width: int, instances: int) -> dict[str, tuple]:
    """Returns kind of prediction -> (example, prediction)."""
    rng = np.random.default_rng(0)
    truth = scenes.panoptic(height, width, seed=0, n=instances)
    smooth = scenes.perturb(truth, seed=0)
    noisy = np.where(rng.random(truth.shape) < 0.5, 12001, smooth).astype(np.int32)
    depth = np.maximum(rng.uniform(-20, 80, truth.shape), 0).astype(np.float32)
    example = Example(
        image=None,
        panoptic_raw=truth,
        next_panoptic_raw=truth,
        semantic_raw=truth // 1000,
        depth_raw=depth,
        sequence_id="0",
        frame_id="0",
    )
    shared = {
        "depth_pred": 1.05 * depth[..., np.newaxis],
        "semantic_probs": rng.random((height, width, 19), np.float32),
        "instance_scores": rng.random((height, width), np.float32),
    }
    return {
        kind: (
            example,
            Prediction(
                panoptic_pred=p,
                next_panoptic_pred=p,
                semantic_pred=p // 1000,
                **shared,
            ),
        )
        for kind, p in (("smooth", smooth), ("noisy", noisy))
    }


def best_time(
    function: Callable[..., object],
    *args: object,
    before: Callable[[], object] = lambda: None,
    repeats: int = 15,
) -> float:
    """Returns the shortest of several times in seconds; `before` is not counted."""
    times = []
    for _ in range(repeats):
        before()
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Prints a line for each metric and kind of prediction."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=1025)
    parser.add_argument("--width", type=int, default=2049)
    # Of 68 drawn instances 60 stay visible.
    parser.add_argument("--instances", type=int, default=68)
    args = parser.parse_args()
    cases = images(args.height, args.width, args.instances)
    print(f"update with one {args.height} x {args.width} image, one core, best of 15")
    for name in METRICS.names():
        metric = METRICS.get(name)(INFO, EvaluatorOptions())
        for kind, (example, prediction) in cases.items():
            # A frame of a video can be added once only.
            seconds = best_time(metric.update, example, prediction, before=metric.reset)
            line = f"{name:25s} {kind:8s} {1e3 * seconds:8.1f} ms"
            if name == "panoptic_quality":
                line += f"   {PUBLISHED_PQ / seconds:5.1f} x as fast as published"
            print(line)
        seconds = best_time(metric.result, repeats=1)
        print(f"{name:25s} result   {1e3 * seconds:8.1f} ms")


if __name__ == "__main__":
    main()
