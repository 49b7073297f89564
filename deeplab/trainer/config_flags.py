"""The flags that name a config and change its fields, for every command that has them.

Nothing here imports TensorFlow.
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
      parser: takes the flags.
      help: what the config is for.
      required: whether the command needs a config.
    """
    add_config_file(parser, help=help, required=required)
    add_overrides(parser)


def add_config_file(
    parser: argparse._ActionsContainer, *, help: str, required: bool = True
) -> None:
    """Adds `--config_file` to a parser or to a group of flags; see above."""
    parser.add_argument("--config_file", required=required, metavar="FILE", help=help)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds `--set`, whose values become `args.overrides`."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="PATH=VALUE",
        help="sets a field of the config, as trainer_options.steps_per_loop=10; "
        "values of a list are separated by commas; may be repeated",
    )


def config_of(args: argparse.Namespace) -> ExperimentOptions:
    """Reads the config that the flags name, with their changes.

    Raises:
      ConfigError: it cannot be read, or a change does not fit.
    """
    return read_config(args.config_file, args.overrides)
