"""Flags that specify records and their data set, for commands that inspect data."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from deeplab.trainer.config_flags import add_config_file, add_overrides, config_of

if TYPE_CHECKING:
    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.inspection.data_sources import DataSource


def add_source_flags(parser: argparse.ArgumentParser, verb: str) -> None:
    """Adds the flags that specify records.

    Args:
      parser: parser to add the flags to.
      verb: what the command does with the data, for the help text.
    """
    source = parser.add_mutually_exclusive_group(required=True)
    add_config_file(source, help=f"config whose data to {verb}", required=False)
    source.add_argument("--records", nargs="+", help="glob patterns of TFRecord files")
    add_overrides(parser)
    add_data_set_flags(parser, "--records")


def add_data_set_flags(parser: argparse.ArgumentParser, whose: str) -> None:
    """Adds the flags that specify a data set.

    Args:
      parser: parser to add the flags to.
      whose: what belongs to the data set, for the help text.
    """
    parser.add_argument("--dataset", help=f"name of the data set of {whose}")
    parser.add_argument("--description", help="JSON description of that data set")


def data_sources(args: argparse.Namespace) -> list[DataSource]:
    """Returns the data that the flags specify; data used twice is listed once.

    Raises:
      ValueError: the flags do not specify the records and their data set.
    """
    if args.config_file:
        config = config_of(args)
        from deeplab.inspection.data_sources import sources_of_config

        return sources_of_config(config, args.config_file)
    info = named_data_set(args)
    if info is None:
        raise ValueError("--records needs --dataset or --description")
    from deeplab.inspection.data_sources import DataSource

    return [DataSource(" ".join(args.records), args.records, info)]


def named_data_set(args: argparse.Namespace) -> DatasetInfo | None:
    """Returns the data set of `--description` or `--dataset`; None without them.

    Raises:
      ValueError: the data set is unknown, or the description is invalid.
    """
    from deeplab.datasets.named import find_data_set

    return find_data_set(args.dataset, args.description)
