"""`deeplab eval`: evaluate the newest checkpoint of a model folder."""

from __future__ import annotations

import argparse

from deeplab.trainer import train

HELP = "evaluate a trained model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `trainer/train.py`."""
    train.add_flags(parser, mode="eval")
    parser.add_argument(
        "--save_format",
        metavar="NAME",
        help="write all predictions to vis/raw_panoptic of the model folder, in a "
        "format of g3doc/predictions.md",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluates.

    Raises:
      ValueError: see `train.run`; or there is no such format.
    """
    if args.save_format:
        from deeplab.predictions import FORMATS

        # Known before minutes go by.
        FORMATS.get(args.save_format)
        args.overrides += [
            "evaluator_options.save_raw_predictions=true",
            f"evaluator_options.raw_panoptic_format={args.save_format}",
        ]
    return train.run(args)
