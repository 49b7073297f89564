"""Trains and evaluates the experiment that a config describes.

    python deeplab/trainer/train.py --config_file=X.textproto --mode=train_and_eval

This module only handles flags; TensorFlow is imported once they have been checked.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.trainer.config_flags import add_config_flags, config_of
from deeplab.trainer.modes import MODES
from deeplab.trainer.progress import Console

NOT_FINITE = 1
USAGE_ERROR = 2


def add_flags(parser: argparse.ArgumentParser, mode: str | None = None) -> None:
    """Adds the flags of a run.

    Args:
      parser: parser to add the flags to.
      mode: default of `--mode`; None makes the flag required.
    """
    add_config_flags(parser, help="config of the experiment (textproto)")
    parser.add_argument(
        "--mode",
        choices=MODES,
        default=mode,
        required=mode is None,
        help="what to run" + (f" (default: {mode})" if mode else ""),
    )
    parser.add_argument(
        "--model_dir",
        metavar="DIR",
        help="folder of checkpoints and logs, local or gs://... (default: "
        "runs/<experiment_name>)",
    )
    parser.add_argument(
        "--num_gpus",
        type=int,
        metavar="N",
        help="number of GPUs to use, 0 for the CPU (default: all available)",
    )
    parser.add_argument(
        "--master", default="", metavar="NAME", help="name or address of a TPU"
    )


def run(args: argparse.Namespace) -> int:
    """Runs the experiment that the flags specify.

    Returns:
      0 on success; 128 plus the signal number if a signal ended the run after saving a
      checkpoint; 1 if training stopped because of a non-finite loss.

    Raises:
      ValueError: the config, the data or a checkpoint cannot be used.
    """
    # TensorFlow's own messages would drown out the lines below.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with Console() as console:
        console.line(f"reading {args.config_file}")
        config = config_of(args)
        with console.activity("starting TensorFlow"):
            from deeplab.trainer import experiment
            from deeplab.trainer.interruption import InterruptedRunError
            from deeplab.trainer.non_finite import NonFiniteLossError
        try:
            experiment.run(
                config,
                args.mode,
                model_folder(args, config),
                args.num_gpus,
                args.master,
                console=console,
            )
        except InterruptedRunError as error:
            return error.exit_code
        except NonFiniteLossError as error:
            console.line(f"training stopped: the loss is not finite at {error}")
            return NOT_FINITE
    return 0


def model_folder(args: argparse.Namespace, config: ExperimentOptions) -> str:
    """Returns the folder of checkpoints and logs: `--model_dir` or its default."""
    name = config.experiment_name or Path(args.config_file).stem
    return args.model_dir or os.path.join("runs", name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Trains and evaluates the experiment that a config describes."
    )
    add_flags(parser)
    args = parser.parse_args(arguments)
    try:
        return run(args)
    except (ValueError, OSError) as error:
        # A traceback would hide the lines that explain what to do.
        print(f"train.py: error: {error}", file=sys.stderr)
        return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
