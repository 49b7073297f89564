"""Share of the evaluation time that metrics take.

    python benchmarks/evaluation.py [--images 16 --height 257 --width 513]

Evaluates drawn street scenes with and without metrics, alternately, so that other work
on the machine slows both. Metrics are updated in their own thread while the model
computes the next batch (`deeplab/trainer/worker.py`): with a core to spare, or a model
on an accelerator, they only add the last batch and the results to the wall time. The
share is measured in CPU time, where nothing is hidden; the target is below 5 %.

The default model is that of the demo, the smallest one;
`--set model_options.backbone.name=resnet50` is closer to practice. The weights are
random: their predictions are more fragmented than those of a trained network, and take
metrics longer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[1]))

import tensorflow as tf

from deeplab import factory
from deeplab.cli.main import main as deeplab
from deeplab.config import read_config
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.base import Metric
from deeplab.trainer.config_flags import add_overrides
from deeplab.trainer.step_evaluator import StepEvaluator

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs/toy_street/panoptic_deeplab/mobilenet_v3_small.textproto"
TARGET = 0.05


class Timed:
    """Wraps a metric and measures its CPU time."""

    def __init__(self, metric: Metric):
        self._metric = metric
        self.seconds = self.result_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)

    def update(self, example: Example, prediction: Prediction) -> None:
        """Updates the metric."""
        start = time.thread_time()
        self._metric.update(example, prediction)
        self.seconds += time.thread_time() - start

    def result(self) -> dict[str, float]:
        """Returns the result."""
        start = time.process_time()
        result = self._metric.result()
        self.result_seconds = time.process_time() - start
        return result


def evaluator(config: Any, model: Any, metrics: Mapping[str, Any]) -> StepEvaluator:
    """Returns an evaluator that only updates the metrics."""
    return StepEvaluator(
        dataset=factory.build_eval_pipeline(config),
        model=model,
        metrics=metrics,
    )


def main() -> None:
    """Prints times with and without metrics, and the share of the metrics."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config_file", type=Path, default=CONFIG)
    add_overrides(parser)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--height", type=int, default=257)
    parser.add_argument("--width", type=int, default=513)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        words = ["convert", "toy_street", "--split", "val", "--output", folder]
        for name in ("images", "height", "width"):
            words += [f"--{name}", str(getattr(args, name))]
        if deeplab(words):
            raise SystemExit("drawing the scenes failed")
        records = f"eval_dataset_options.file_pattern={folder}/val-*.tfrecord"
        config = read_config(args.config_file, [*args.overrides, records])
        config.eval_dataset_options.crop_size[:] = (args.height, args.width)
        measure(config, args.images, args.repeats)


def measure(config: Any, images: int, repeats: int) -> None:
    """Evaluates with and without metrics alternately, and prints the times."""
    model = factory.build_model(config)
    metrics = {n: Timed(m) for n, m in factory.build_metrics(config).items()}
    kinds = {
        "without metrics": evaluator(config, model, {}),
        "with metrics": evaluator(config, model, metrics),
    }
    wall: dict[str, list[float]] = {kind: [] for kind in kinds}
    processor: dict[str, list[float]] = {kind: [] for kind in kinds}
    for repeat in range(repeats + 1):
        for metric in metrics.values():
            metric.seconds = 0.0
        for kind, one in kinds.items():
            start = time.perf_counter(), time.process_time()
            one.evaluate(tf.constant(-1))
            # The first round compiles.
            if repeat:
                wall[kind].append(time.perf_counter() - start[0])
                processor[kind].append(time.process_time() - start[1])
    for kind in kinds:
        times = [1e3 * min(seconds[kind]) / images for seconds in (wall, processor)]
        print(f"{kind:16s} {times[0]:8.1f} ms per image, {times[1]:8.1f} CPU")
    own = 0.0
    for name, metric in metrics.items():
        times = [1e3 * t / images for t in (metric.seconds, metric.result_seconds)]
        print(f"{name:16s} {times[0]:8.1f} ms update, {times[1]:8.1f} result")
        own += metric.seconds + metric.result_seconds
    share = 100 * own / min(processor["with metrics"])
    print(f"share of the metrics: {share:.1f} % (target {100 * TARGET:.0f} %)")


if __name__ == "__main__":
    main()
