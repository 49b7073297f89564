"""The flags that name records and their data set, for commands that look at data."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from deeplab.trainer.config_flags import add_config_file, add_overrides, config_of

if TYPE_CHECKING:
    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.inspection.data_sources import DataSource


def add_source_flags(parser: argparse.ArgumentParser, verb: str) -> None:
    """Adds the flags that name records.

    Args:
      parser: takes the flags.
      verb: what the command does with the data.
    """
    source = parser.add_mutually_exclusive_group(required=True)
    add_config_file(source, help=f"{verb} the data of this config", required=False)
    source.add_argument("--records", nargs="+", help="patterns of TFRecord files")
    add_overrides(parser)
    add_data_set_flags(parser, "--records")


def add_data_set_flags(parser: argparse.ArgumentParser, whose: str) -> None:
    """Adds the flags that name a data set.

    Args:
      parser: takes the flags.
      whose: what belongs to the data set.
    """
    parser.add_argument("--dataset", help=f"name of the data set of {whose}")
    parser.add_argument("--description", help="JSON description of that data set")


def data_sources(args: argparse.Namespace) -> list[DataSource]:
    """Returns what the flags name; the same data for two purposes once.

    Raises:
      ValueError: the records or their data set are not given as they should be.
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
    """Returns what `--description` describes or `--dataset` names, None without them.

    Raises:
      ValueError: there is no such data set, or the description does not describe one.
    """
    from deeplab.datasets.named import find_data_set

    return find_data_set(args.dataset, args.description)
