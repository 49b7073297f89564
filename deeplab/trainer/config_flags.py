"""The flags `--config_file` and `--set`, shared by the commands that read a config.

This module does not import TensorFlow.
"""

from __future__ import annotations

import argparse

from deeplab.config import read_config
from deeplab.protos.config_pb2 import ExperimentOptions


def add_config_flags(
    parser: argparse.ArgumentParser, *, help: str, required: bool = True
) -> None:
    """Adds `--config_file` and `--set`.

    Args:
      parser: parser to add the flags to.
      help: what the config is for, as shown by `--help`.
      required: whether the command needs a config.
    """
    add_config_file(parser, help=help, required=required)
    add_overrides(parser)


def add_config_file(
    parser: argparse._ActionsContainer, *, help: str, required: bool = True
) -> None:
    """Adds `--config_file` to a parser or a group; see `add_config_flags`."""
    parser.add_argument("--config_file", required=required, metavar="FILE", help=help)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds `--set`, whose values are stored in `args.overrides`."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="PATH=VALUE",
        help="set a field of the config, such as trainer_options.steps_per_loop=10; "
        "separate the values of a list by commas; may be repeated",
    )


def config_of(args: argparse.Namespace) -> ExperimentOptions:
    """Reads the config of `--config_file` and applies the changes of `--set`.

    Raises:
      ConfigError: the config cannot be read, or a change is invalid.
    """
    return read_config(args.config_file, args.overrides)
