"""Time of Panoptic-DeepLab inference, by precision and compiler, on the CPU.

    python benchmarks/inference.py [--height 513 --width 1025 --instances 60]

Measures network and post-processing, from an image to all maps. The network's outputs
are blended with a drawn scene, so that there are instances to find. The published code
took 0.90 s with ResNet-50 on two cores; the target here is 0.75 s in float32, and
0.40 s in bfloat16 on a processor that supports it. Variants alternate, so that other
work on the machine slows all of them.
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

from benchmarks.postprocess import scene
from deeplab import factory
from deeplab.config import read_config
from deeplab.core.structures import Prediction
from deeplab.plan import resolve
from deeplab.postprocess import POSTPROCESSORS

PUBLISHED = 0.90
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

Run = Callable[[tf.Tensor], Prediction]


def build(
    config_file: Path, variant: str, size: tuple[int, int], drawn: Prediction
) -> dict[str, Run]:
    """Returns the network alone and the whole inference of a variant, by name."""
    precision, jit_compile = VARIANTS[variant]
    config = read_config(
        config_file,
        [
            f"model_options.precision={precision}",
            f"model_options.jit_compile={str(jit_compile).lower()}",
        ],
    )
    config.train_dataset_options.crop_size[:] = size
    model = factory.build_model(config)
    postprocess = POSTPROCESSORS.get("center_offset")(
        config.evaluator_options, resolve(config).info
    )
    return {
        "network": tf.function(model.predict_maps),
        "whole": tf.function(
            lambda image: postprocess(blend(model.predict_maps(image), drawn), image)
        ),
    }


def blend(predicted: Prediction, drawn: Prediction) -> Prediction:
    """Returns maps of the drawn scene that depend on the predicted ones."""
    weights = {"semantic_probs": 0.1, "center_heatmap": 0.01, "offset_map": 0.01}
    return predicted._replace(
        **{
            field: getattr(drawn, field) + weight * getattr(predicted, field)
            for field, weight in weights.items()
        }
    )


def measure(
    runs: dict[str, dict[str, Run]], image: tf.Tensor, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Returns variant -> part -> times in seconds; variants alternate."""
    times = {name: {part: [] for part in parts} for name, parts in runs.items()}
    for turn in range(rounds + 2):
        for name, parts in runs.items():
            for part, run in parts.items():
                start = time.perf_counter()
                run(image).semantic_probs.numpy()
                if turn > 1:  # The first two rounds compile.
                    times[name][part].append(time.perf_counter() - start)
    return times


def main() -> None:
    """Prints a line per variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config_file", type=Path, default=CONFIG)
    parser.add_argument("--height", type=int, default=513)
    parser.add_argument("--width", type=int, default=1025)
    parser.add_argument(
        "--instances", type=int, default=68, help="drawn instances, some of them hidden"
    )
    parser.add_argument("--rounds", type=int, default=10, help="timed runs per variant")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=["float32", "bfloat16"]
    )
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    size = (args.height, args.width)
    drawn = scene(*size, args.instances, error=2.0)
    rng = np.random.default_rng(0)
    image = tf.constant(rng.integers(0, 256, (1, *size, 3)), tf.float32)
    runs = {v: build(args.config_file, v, size, drawn) for v in args.variants}
    times = measure(runs, image, args.rounds)
    print(f"{args.config_file.stem}, {args.height} x {args.width}: ms, best and median")
    slowest = min(times[args.variants[0]]["whole"])
    for name, parts in times.items():
        network, whole = (min(parts[part]) for part in ("network", "whole"))
        print(
            f"  {name:13s}"
            f" network {1e3 * network:6.0f} {_median(parts['network']):6.0f}"
            f"  whole {1e3 * whole:6.0f} {_median(parts['whole']):6.0f}"
            f"  post-processing {max(0.0, 1 - network / whole):4.0%}"
            f"  {slowest / whole:5.2f} x {args.variants[0]}"
            f"  {PUBLISHED / whole:5.2f} x published",
            flush=True,
        )


def _median(times: list[float]) -> float:
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
