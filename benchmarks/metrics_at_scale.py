"""Memory and time of panoptic quality, IoU and instance AP on 5,000 images.

    python benchmarks/metrics_at_scale.py [--images 5000 --height 480 --width 640]

As large as COCO's validation set, with its 133 classes; a few scenes are drawn and then
shifted for each image. Times are CPU times. The target is a peak of less than 1 GB in
total.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.datasets import DATASETS
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity import scenes

NAMES: tuple[str, ...] = ("panoptic_quality", "mean_iou", "instance_ap")
TARGET = 1000.0
SCENES = 16
THINGS_OF_SCENE = 8


def drawn(
    count: int, height: int, width: int, instances: int, info: DatasetInfo
) -> Iterator[tuple[Example, Prediction]]:
    """Yields images with their predictions, one at a time."""
    rng = np.random.default_rng(0)
    pairs = []
    for seed in range(SCENES):
        things = tuple(rng.choice(info.thing_ids, THINGS_OF_SCENE, replace=False))
        stuff = tuple(rng.choice(info.stuff_ids, 5, replace=False))
        about = {"divisor": info.label_divisor, "things": things}
        truth = scenes.panoptic(
            height,
            width,
            seed,
            stuff=stuff,
            ignore=info.ignore_label,
            n=instances,
            **about,
        )
        predicted = scenes.perturb(truth, seed, void=info.ignore_label, **about)
        pairs.append((truth, predicted))
    scores = rng.random((height, width), np.float32)
    for index in range(count):
        shift = tuple(rng.integers(0, (height, width)))
        truth, predicted = (
            np.roll(label, shift, (0, 1)) for label in pairs[index % SCENES]
        )
        yield (
            Example(
                image=None,
                panoptic_raw=truth,
                semantic_raw=truth // info.label_divisor,
            ),
            Prediction(
                panoptic_pred=predicted,
                semantic_pred=predicted // info.label_divisor,
                semantic_scores=scores,
                instance_scores=scores,
            ),
        )


def peak_memory() -> float:
    """Returns the largest resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes; bytes on macOS.
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Prints memory, times and results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--instances", type=int, default=9)
    args = parser.parse_args()
    info = DATASETS.get("coco_panoptic")().info
    options = EvaluatorOptions(detailed_ap_metrics=True)
    metrics = {name: METRICS.get(name)(info, options) for name in NAMES}
    seconds = dict.fromkeys(NAMES, 0.0)
    before = peak_memory()
    for update in drawn(args.images, args.height, args.width, args.instances, info):
        for name, metric in metrics.items():
            start = time.process_time()
            metric.update(*update)
            seconds[name] += time.process_time() - start
    gathered = peak_memory()
    size = f"{args.height} x {args.width}"
    print(f"{args.images} images of {size}, {len(info.classes)} classes")
    print(f"{'':20s} {'update':>10s} {'result':>8s} {'state':>9s}   first value")
    for name, metric in metrics.items():
        start = time.process_time()
        key, value = next(iter(metric.result().items()))
        done = time.process_time() - start
        state = sum(array.nbytes for array in metric.state().values()) / 1e6
        print(
            f"{name:20s} {1e3 * seconds[name] / args.images:7.2f} ms {done:6.1f} s "
            f"{state:6.1f} MB   {key} {value:.4f}"
        )
    peak = peak_memory()
    print(
        f"resident memory: {before:.0f} MB before, {gathered:.0f} MB when all images "
        f"were added, {peak:.0f} MB at most (target {TARGET:.0f} MB)"
    )


if __name__ == "__main__":
    main()
