"""Memory and time of a training step of axial attention, on the CPU.

    python benchmarks/axial_attention.py [--height 65 --width 129 --blocks 3]

Measures the last stage of MaX-DeepLab-S: bottlenecks of 2048 channels with attention
along both axes, at the 65 x 129 positions that an image of 1025 x 2049 has at stride
16. A step is a forward and a backward pass. Each variant runs in a separate process;
the peak is the memory beyond what the process used before the first step. Ratios are to
the first variant.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

_CHANNELS = 2048


class Variant(NamedTuple):
    """How the blocks run; `block` 0 attends to the whole axis."""

    recompute: bool = False
    jit_compile: bool = False
    block: int = 0
    precision: str = "float32"


VARIANTS = {
    "plain": Variant(),
    "recompute": Variant(recompute=True),
    "xla": Variant(jit_compile=True),
    "recompute-xla": Variant(recompute=True, jit_compile=True),
    "local-33": Variant(block=33),
    "bfloat16": Variant(precision="mixed_bfloat16"),
    "bfloat16-recompute": Variant(recompute=True, precision="mixed_bfloat16"),
}
DEFAULT = ["plain", "recompute", "xla", "recompute-xla"]


def measure(
    variant: Variant, size: tuple[int, int], blocks: int, steps: int, threads: int
) -> dict[str, float]:
    """Measures steps in this process.

    Args:
      variant: how the blocks run.
      size: height and width of the features.
      blocks: number of consecutive blocks.
      steps: number of timed steps, after one that is not timed.
      threads: number of threads within and across operations.

    Returns:
      Seconds of the `first` step and of the `best` timed one, and `peak` memory of the
      steps in MiB.
    """
    import tensorflow as tf
    import tf_keras

    from deeplab.core.specs import AxialAttentionConfig, NormConfig
    from deeplab.layers.axial_block import AxialBlock
    from deeplab.layers.residual import BlockOptions

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf_keras.mixed_precision.set_global_policy(variant.precision)
    tf_keras.utils.set_random_seed(0)
    layers = [
        AxialBlock(
            _CHANNELS,
            (_CHANNELS // 2, _CHANNELS // 4, _CHANNELS),
            name=f"block{i}",
            norm=NormConfig(),
            attention=AxialAttentionConfig(block=variant.block),
            options=BlockOptions(recompute=variant.recompute),
        )
        for i in range(blocks)
    ]
    for layer in layers:
        layer(tf.zeros([1, 3, 3, _CHANNELS]))
    variables = [v for layer in layers for v in layer.trainable_variables]
    images = tf.random.stateless_normal([1, *size, _CHANNELS], (1, 2))

    @tf.function(jit_compile=variant.jit_compile)
    def step(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            for layer in layers:
                _, x = layer(x, training=True)
            loss = tf.reduce_mean(tf.cast(x, tf.float32) ** 2)
        gradients = tape.gradient(loss, variables)
        return tf.linalg.global_norm(gradients)

    before = _peak()
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        step(images).numpy()
        times.append(time.perf_counter() - start)
    return {"first": times[0], "best": min(times[1:]), "peak": _peak() - before}


def _peak() -> float:
    """Returns the peak memory of this process, in MiB."""
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _in_own_process(name: str, options: list[str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--variants", name, "--child", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a row per variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--height", type=int, default=65)
    parser.add_argument("--width", type=int, default=129)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="timed steps per variant")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=DEFAULT)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    size = (args.height, args.width)
    if args.child:
        (name,) = args.variants
        found = measure(VARIANTS[name], size, args.blocks, args.steps, args.threads)
        print(json.dumps(found))
        return
    print(f"{args.blocks} blocks, {size[0]} x {size[1]} positions, forward + backward")
    options = [
        f"--{option}={getattr(args, option)}"
        for option in ("height", "width", "blocks", "steps", "threads")
    ]
    first: dict[str, float] = {}
    for name in args.variants:
        found = _in_own_process(name, options)
        first = first or found
        print(
            f"  {name:18s} peak {found['peak']:6.0f} MiB"
            f" {found['peak'] / first['peak']:5.2f} x"
            f"  step {found['best']:6.2f} s {found['best'] / first['best']:5.2f} x"
            f"  first {found['first']:6.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
