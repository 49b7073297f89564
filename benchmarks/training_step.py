"""Time of a training step of Panoptic-DeepLab, by precision and compiler, on the CPU.

    python benchmarks/training_step.py [--height 257 --width 513 --batch 2]

Measures the forward pass, losses, gradients and weight update (SGD). The published code
took 2.0 s with ResNet-50 on two cores; the target here is 1.6 s in float32. Variants
alternate, so that other work on the machine slows all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf
import tf_keras

from deeplab import factory
from deeplab.config import read_config
from deeplab.core.structures import Example
from deeplab.plan import resolve

PUBLISHED = 2.0
CONFIG = (
    Path(__file__).parents[1]
    / "configs/cityscapes/panoptic_deeplab/resnet50_os32.textproto"
)
VARIANTS = {
    "float32": ("float32", False),
    "bfloat16": ("bfloat16", False),
    "float32-xla": ("float32", True),
    "bfloat16-xla": ("bfloat16", True),
}


def example(height: int, width: int, batch: int, classes: int) -> Example:
    """Returns random images and targets, whose values do not affect the time."""
    rng = np.random.default_rng(0)
    shape = (batch, height, width)

    def uniform(*channels: int, scale: float = 1.0) -> tf.Tensor:
        return tf.constant(scale * rng.random((*shape, *channels)), tf.float32)

    return Example(
        image=uniform(3, scale=255.0),
        semantic_gt=tf.constant(rng.integers(0, classes, shape), tf.int32),
        semantic_loss_weight=tf.ones(shape),
        instance_center_gt=uniform(),
        center_loss_weight=tf.ones(shape),
        instance_regression_gt=uniform(2, scale=50.0),
        regression_loss_weight=tf.ones(shape),
    )


def build(
    config_file: Path, variant: str, size: tuple[int, int], batch: int
) -> dict[str, Callable[[], tf.Tensor]]:
    """Returns the forward pass and the whole step of a variant, by name."""
    precision, jit_compile = VARIANTS[variant]
    config = read_config(config_file, [f"model_options.precision={precision}"])
    config.train_dataset_options.crop_size[:] = size
    model = factory.build_model(config)
    compute = factory.build_loss(config)
    optimizer = tf_keras.optimizers.SGD(1e-6, momentum=0.9)
    optimizer.build(model.trainable_variables)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    classes = resolve(config).info.num_classes
    data = example(*size, batch, classes)

    def forward() -> tf.Tensor:
        output = model(data.image, training=True)
        return tf.reduce_mean(compute(data, output)["total_loss"])

    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = forward()
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
        return loss

    return {
        "forward": tf.function(forward, jit_compile=jit_compile),
        "step": tf.function(step, jit_compile=jit_compile),
    }


def measure(
    runs: dict[str, dict[str, Callable[[], tf.Tensor]]], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Returns variant -> part -> times in seconds; variants alternate."""
    times = {name: {part: [] for part in parts} for name, parts in runs.items()}
    for turn in range(rounds + 2):
        for name, parts in runs.items():
            for part, run in parts.items():
                start = time.perf_counter()
                run().numpy()
                if turn > 1:  # The first two rounds compile.
                    times[name][part].append(time.perf_counter() - start)
    return times


def main() -> None:
    """Prints a line per variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config_file", type=Path, default=CONFIG)
    parser.add_argument("--height", type=int, default=257)
    parser.add_argument("--width", type=int, default=513)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6, help="timed steps per variant")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=["float32", "bfloat16"]
    )
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    size = (args.height, args.width)
    runs = {v: build(args.config_file, v, size, args.batch) for v in args.variants}
    times = measure(runs, args.rounds)
    print(
        f"{args.config_file.stem}, {args.batch} x {args.height} x {args.width}: "
        "ms, best and median"
    )
    slowest = min(times[args.variants[0]]["step"])
    for name, parts in times.items():
        forward, step = (min(parts[part]) for part in ("forward", "step"))
        print(
            f"  {name:13s}"
            f" forward {1e3 * forward:6.0f} {_median(parts['forward']):6.0f}"
            f"  step {1e3 * step:6.0f} {_median(parts['step']):6.0f}"
            f"  forward {forward / step:4.0%}"
            f"  {slowest / step:5.2f} x {args.variants[0]}"
            f"  {PUBLISHED / step:5.2f} x published",
            flush=True,
        )


def _median(times: list[float]) -> float:
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
