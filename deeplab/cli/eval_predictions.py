"""`deeplab eval-predictions`: computes metrics of stored predictions."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.cli.data_flags import add_data_set_flags, named_data_set

if TYPE_CHECKING:
    from deeplab.core.dataset_info import DatasetInfo

HELP = "compute metrics of stored predictions, whatever program wrote them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--format",
        required=True,
        help="format of the files, such as coco_panoptic, kitti_step or "
        "cityscapes_pixel; g3doc/predictions.md lists all",
    )
    parser.add_argument(
        "--ground_truth_format",
        help="format of the ground truth (default: the same)",
    )
    parser.add_argument("--ground_truth", required=True, help="folder, or COCO JSON")
    parser.add_argument("--predictions", required=True, help="folder, or COCO JSON")
    add_data_set_flags(parser, "the labels; not needed for COCO JSON")
    parser.add_argument(
        "--metrics",
        nargs="+",
        help="names of metrics, such as panoptic_quality mean_iou boundary_iou "
        "boundary_panoptic_quality stq vpq (default: those of the format)",
    )
    parser.add_argument("--output", help="folder for results.json and pictures")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="worker processes (default: all cores)",
    )


def run(args: argparse.Namespace) -> int:
    """Computes the metrics and prints them.

    Raises:
      ValueError: files are missing, damaged or do not match.
    """
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.evaluation.results import write_results
    from deeplab.evaluation.stored_predictions import evaluate, match
    from deeplab.predictions import FORMATS

    layout = FORMATS.get(args.format)()
    truth_layout = FORMATS.get(args.ground_truth_format or args.format)()
    info = _data_set(args)
    names = args.metrics or layout.metrics
    pairs = match(
        truth_layout.read(Path(args.ground_truth), info),
        layout.read(Path(args.predictions), info),
        complete=layout.lists_every_image,
    )
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("measuring", total=len(pairs))
        results = evaluate(
            pairs, info, names, args.workers, lambda n: bar.advance(task, n)
        )
    if args.output:
        write_results(Path(args.output), results, info)
    _print_results(results, info, len(pairs))
    return 0


def _data_set(args: argparse.Namespace) -> DatasetInfo:
    from deeplab.predictions.coco_panoptic import described_by
    from deeplab.predictions.wide_labels import with_wide_labels

    info = named_data_set(args)
    if info is None:
        if (args.ground_truth_format or args.format) != "coco_panoptic":
            raise ValueError(f"--format {args.format} needs --dataset or --description")
        info = described_by(Path(args.ground_truth))
    return with_wide_labels(info)


def _print_results(
    results: Mapping[str, float], info: DatasetInfo, images: int
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from deeplab.evaluation.results import of_classes, summary

    console = Console()
    table = Table(title=f"{images} images of {escape(info.name)}")
    table.add_column("metric")
    table.add_column("value", justify="right")
    for key, value in summary(results, info).items():
        table.add_row(escape(key), f"{value:.2f}")
    console.print(table)
    columns = of_classes(results, info)
    table = Table()
    table.add_column("class")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    for c in info.classes:
        values = [column.get(c.name) for column in columns.values()]
        if any(value is not None for value in values):
            cells = ("" if v is None else f"{v:.2f}" for v in values)
            table.add_row(escape(c.name), *cells)
    console.print(table)
