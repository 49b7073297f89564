"""`deeplab inspect`: prints a resolved config and the size and cost of its model."""

from __future__ import annotations

import argparse
import os

from deeplab.config import to_text
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.trainer.config_flags import add_config_flags, config_of

HELP = "print the resolved config, and the parameters and cost of its model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_config_flags(parser, help="config to inspect")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="image size to compute the cost for (default: the crop of the config)",
    )
    parser.add_argument(
        "--config_only",
        action="store_true",
        help="only print the config, do not build the model",
    )


def run(args: argparse.Namespace) -> int:
    """Prints the resolved config, then tables of parameters and multiply-adds.

    Raises:
      ValueError: the config cannot be read or its model cannot be built.
    """
    config = config_of(args)
    print(to_text(config))
    if args.config_only:
        return 0
    size = args.size or _crop_size(config)

    # TensorFlow's messages about a missing GPU do not matter here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from deeplab.factory import build_model
    from deeplab.models.cost import multiply_adds, parameter_counts

    # Both hide operations in nested functions, and do not change the cost.
    config.model_options.jit_compile = False
    config.model_options.backbone.recompute = False
    config.evaluator_options.ClearField("eval_scales")
    config.evaluator_options.ClearField("add_flipped_images")
    model = build_model(config)
    print(_table(parameter_counts(model.checkpoint_items)))
    height, width = size
    channels = model.input_channels
    count = multiply_adds(model.predict_maps, height, width, channels)
    # Video models take a second frame in additional channels.
    what = "image" if channels == 3 else "pair of frames, each"
    print(
        f"\n{count / 1e9:.2f} G multiply-adds for one {what} of {height} x {width}, "
        "without resizing and post-processing"
    )
    return 0


def _crop_size(config: ExperimentOptions) -> tuple[int, int]:
    for options in (config.eval_dataset_options, config.train_dataset_options):
        if len(options.crop_size) == 2:
            return options.crop_size[0], options.crop_size[1]
    raise ValueError("the config has no crop_size: give --size HEIGHT WIDTH")


def _table(counts: dict[str, tuple[int, int]]) -> str:
    """Returns a table of parameter counts, with the totals in the last line."""
    sums = (sum(c[0] for c in counts.values()), sum(c[1] for c in counts.values()))
    title = "checkpoint item"
    width = max(map(len, [title, *counts]))
    lines = [f"{title:<{width}}  {'trained':>12}  {'other':>10}"]
    for name, (trained, other) in {**counts, "total": sums}.items():
        lines.append(f"{name:<{width}}  {trained:>12,}  {other:>10,}")
    return "\n".join(lines)
