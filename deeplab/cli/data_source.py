"""The flags that name records and their data set, for commands that look at data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from deeplab.core.dataset_info import DatasetInfo


class DataSource(NamedTuple):
    """Records of one data set."""

    title: str
    patterns: list[str]
    info: DatasetInfo


def add_source_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Adds the flags.

    Args:
      parser: the parser of the command.
      verb: what the command does with the data.
    """
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config_file", help=f"{verb} the data of this config")
    source.add_argument("--records", nargs="+", help="patterns of TFRecord files")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH.TO.FIELD=VALUE",
        help="change a field of the config",
    )
    parser.add_argument("--dataset", help="name of the data set of --records")
    parser.add_argument(
        "--description", help="JSON description of the data set of --records"
    )


def data_sources(args: argparse.Namespace) -> list[DataSource]:
    """Returns what the flags name; the same data for two purposes once.

    Raises:
      ValueError: the records or their data set are not given as they should be.
    """
    if args.config_file:
        return _sources_of_config(args)
    info = named_data_set(args)
    if info is None:
        raise ValueError("--records needs --dataset or --description")
    return [DataSource(" ".join(args.records), args.records, info)]


def named_data_set(args: argparse.Namespace) -> DatasetInfo | None:
    """Returns what `--description` describes or `--dataset` names, None without them.

    Raises:
      ValueError: there is no such data set, or the description is none.
    """
    if args.description:
        from deeplab.core.dataset_info import read_description

        return read_description(Path(args.description))
    if args.dataset:
        from deeplab.datasets import DATASETS

        return DATASETS.get(args.dataset)().info
    return None


def _sources_of_config(args: argparse.Namespace) -> list[DataSource]:
    from deeplab.config import read_config
    from deeplab.factory import dataset_info

    config = read_config(args.config_file, args.set)
    found: list[DataSource] = []
    for section in ("train_dataset_options", "eval_dataset_options"):
        options = getattr(config, section)
        if not options.file_pattern:
            continue
        data = (list(options.file_pattern), dataset_info(options))
        if data not in [entry[1:] for entry in found]:
            found.append(DataSource(section, *data))
    if not found:
        raise ValueError(f"{args.config_file}: no file_pattern is set")
    return found
