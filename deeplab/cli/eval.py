"""`deeplab eval`: evaluate the newest checkpoint of a model folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from deeplab.core.remote_path import is_remote
from deeplab.trainer import train
from deeplab.trainer.config_flags import config_of
from deeplab.trainer.result_folder import result_folder

HELP = "evaluate a trained model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `trainer/train.py`."""
    train.add_flags(parser, mode="eval")
    parser.add_argument(
        "--save_format",
        metavar="NAME",
        help="write all predictions to vis/raw_panoptic in the model folder, in one of "
        "the formats of g3doc/predictions.md",
    )
    parser.add_argument(
        "--zip",
        action="store_true",
        help="also pack the files of --save_format into raw_panoptic.zip",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluates the newest checkpoint.

    Raises:
      ValueError: see `train.run`; or the format is unknown, or `--zip` lacks one.
    """
    if args.zip and not args.save_format:
        raise ValueError("--zip packs the files of --save_format: name a format")
    if args.save_format:
        from deeplab.predictions import FORMATS

        # An unknown name fails now, not after minutes of evaluation.
        FORMATS.get(args.save_format)
        args.overrides = [
            *args.overrides,
            "evaluator_options.save_raw_predictions=true",
            f"evaluator_options.raw_panoptic_format={args.save_format}",
        ]
    place = _local_results(args) if args.zip else None
    status = train.run(args)
    if place is not None and not status:
        from deeplab.predictions.archive import write_zip

        archive = place / "raw_panoptic.zip"
        write_zip(place / "raw_panoptic", archive)
        print(f"{archive}: packed")
    return status


def _local_results(args: argparse.Namespace) -> Path:
    """Returns the folder whose files are packed."""
    config = config_of(args)
    folder = result_folder(config.evaluator_options, train.model_folder(args, config))
    if is_remote(folder):
        raise ValueError(
            f"--zip packs only files on a local disk, but these go to {folder}: set a "
            "local one with --set evaluator_options.override_save_dir=FOLDER"
        )
    return Path(folder)
