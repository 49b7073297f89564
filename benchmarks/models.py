"""Time and memory of whole models, from an image to the prediction, on the CPU.

    python benchmarks/models.py [CONFIG ...] [--height 641 --width 641]

Each model and variant runs in a separate process, so that peak memory is measured for
each. Weights and image are random: the model finds fewer things than a trained one,
which matters where post-processing is slow (`benchmarks/postprocess.py`). The published
figures are those of DeepLab2 on two cores.
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
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


class Published(NamedTuple):
    """Time of DeepLab2 for one image on two cores."""

    height: int
    width: int
    seconds: float


PUBLISHED = {
    "cityscapes/panoptic_deeplab/resnet50_os32": Published(513, 1025, 0.90),
    "cityscapes/axial_deeplab/axial_swidernet_1_1_1_os16": Published(513, 1025, 6.1),
    "coco/max_deeplab/max_deeplab_s_os16_res641_100k": Published(641, 641, 2.0),
    "coco/kmax_deeplab/kmax_meta_r50_os32": Published(641, 641, 1.43),
}


class Variant(NamedTuple):
    """How a model runs; `frozen` is for processes that never change the weights."""

    precision: str
    jit_compile: bool = False
    frozen: bool = False


VARIANTS = {
    "float32": Variant("float32"),
    "bfloat16": Variant("bfloat16"),
    "float32-frozen": Variant("float32", frozen=True),
    "bfloat16-frozen": Variant("bfloat16", frozen=True),
    "float32-xla": Variant("float32", jit_compile=True),
    "bfloat16-xla": Variant("bfloat16", jit_compile=True),
}
HEADER = (
    f"{'model':44s} {'size':>9s} {'variant':15s} {'build':>6s} {'first':>6s} "
    f"{'best':>7s} {'median':>7s} {'peak':>8s} {'published':>9s} {'ratio':>5s}"
)


def measure(
    config_file: Path, variant: str, size: tuple[int, int], rounds: int, threads: int
) -> dict[str, Any]:
    """Measures one model in this process.

    Args:
      config_file: config of the model.
      variant: one of `VARIANTS`.
      size: height and width of the image.
      rounds: number of timed calls, after two that are not timed.
      threads: number of threads within and across operations.

    Returns:
      Seconds to `build` the model, of the `first` call and of the timed ones (`times`);
      `peak` memory of the process in MiB, of which TensorFlow itself takes about 500.
    """
    import numpy as np
    import tensorflow as tf

    from deeplab import factory
    from deeplab.config import read_config

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    precision, jit_compile, _ = VARIANTS[variant]
    overrides = [
        f"model_options.precision={precision}",
        f"model_options.jit_compile={str(jit_compile).lower()}",
    ]
    config = read_config(config_file, overrides)
    config.train_dataset_options.crop_size[:] = size
    start = time.perf_counter()
    model = factory.build_model(config)
    build = time.perf_counter() - start
    rng = np.random.default_rng(0)
    shape = (1, *size, model.input_channels)
    image = tf.constant(rng.integers(0, 256, shape), tf.float32)

    @tf.function
    def run(image: tf.Tensor) -> Any:
        return [map for map in model(image, training=False) if map is not None]

    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        for tensor in tf.nest.flatten(run(image)):
            tensor.numpy()
        times.append(time.perf_counter() - start)
    return {
        "build": build,
        "first": times[0],
        "times": times[2:],
        "peak": _peak(),
    }


def line(name: str, size: tuple[int, int], variant: str, found: dict[str, Any]) -> str:
    """Returns a row of the table."""
    times = sorted(found["times"])
    row = (
        f"{name:44s} {size[0]:4d}x{size[1]:4d} {variant:15s} {found['build']:5.1f}s "
        f"{found['first']:5.1f}s {times[0]:6.2f}s {times[len(times) // 2]:6.2f}s "
        f"{found['peak']:5.0f}MiB"
    )
    published = PUBLISHED.get(name)
    if published is None or size != (published.height, published.width):
        return row
    return f"{row} {published.seconds:8.2f}s {published.seconds / times[0]:5.2f}"


def _peak() -> float:
    """Returns the peak memory of this process, in MiB."""
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _in_own_process(arguments: list[str], frozen: bool) -> dict[str, Any]:
    command = [sys.executable, __file__, *arguments, "--child"]
    # If set, oneDNN keeps the weights in the layout that its kernels read.
    environment = {**os.environ, "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": str(int(frozen))}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _configs(given: list[str]) -> dict[str, Path]:
    """Returns configs by their name below `configs/`."""
    if not given:
        return {name: ROOT / "configs" / f"{name}.textproto" for name in PUBLISHED}
    found = {}
    for text in given:
        path = Path(text).resolve()
        folder = ROOT / "configs"
        inside = path.is_relative_to(folder)
        name = str(path.relative_to(folder).with_suffix("")) if inside else path.stem
        found[name] = path
    return found


def main() -> None:
    """Prints a row per model and variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "configs",
        nargs="*",
        help="configs to measure (default: those with published times)",
    )
    parser.add_argument(
        "--height",
        type=int,
        help="image size in pixels (default: as published, or 641)",
    )
    parser.add_argument(
        "--width", type=int, help="image size in pixels (default: as published, or 641)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="timed calls per variant")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS)[:4]
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    configs = _configs(args.configs)
    if not args.child:
        print(HEADER, flush=True)
    for name, path in configs.items():
        published = PUBLISHED.get(name, Published(641, 641, 0.0))
        size = (args.height or published.height, args.width or published.width)
        for variant in args.variants:
            if args.child:
                found = measure(path, variant, size, args.rounds, args.threads)
                print(json.dumps(found))
                return
            arguments = [str(path), "--variants", variant]
            for option, value in (
                ("--height", size[0]),
                ("--width", size[1]),
                ("--rounds", args.rounds),
                ("--threads", args.threads),
            ):
                arguments += [option, str(value)]
            found = _in_own_process(arguments, VARIANTS[variant].frozen)
            print(line(name, size, variant, found), flush=True)


if __name__ == "__main__":
    main()
