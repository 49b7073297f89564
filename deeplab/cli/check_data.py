"""`deeplab check-data`: summarises records and reports what is wrong with them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.cli.data_flags import add_source_flags, data_sources

if TYPE_CHECKING:
    import numpy as np

    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.data.label_check import LabelReport

HELP = "check records: files, image sizes and labels"

_PROBLEMS_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_source_flags(parser, "check")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="worker processes (default: all cores)",
    )
    parser.add_argument(
        "--picture", type=Path, help="PNG to write bar charts of classes and sizes to"
    )


def run(args: argparse.Namespace) -> int:
    """Checks the records and prints a summary; returns 1 if something is wrong.

    Raises:
      ValueError: the flags do not specify the records and their data set.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    found_problems = False
    pictures = []
    for title, patterns, info in data_sources(args):
        report = _check(patterns, info, args.workers)
        _print_report(title, report, info)
        found_problems |= bool(report.problems)
        if args.picture is not None:
            from deeplab.inspection.data_statistics import statistics_picture

            pictures.append(statistics_picture(title, report, info))
    if args.picture is not None:
        _save(pictures, args.picture)
    return int(found_problems)


def _save(pictures: Sequence[np.ndarray], path: Path) -> None:
    """Writes pictures of equal width below each other into one PNG.

    Raises:
      OSError: the file cannot be written.
    """
    import numpy as np

    from deeplab.visualization.pictures import write_png

    write_png(path, np.concatenate(pictures))


def _check(patterns: list[str], info: DatasetInfo, workers: int) -> LabelReport:
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.data.label_check import check_records, matching_files

    paths = matching_files(patterns)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        files = bar.add_task("checking", total=len(paths) + 1)
        return check_records(
            paths, info, workers=workers, report_file=lambda _: bar.advance(files)
        )


def _print_report(title: str, report: LabelReport, info: DatasetInfo) -> None:
    from rich.console import Console
    from rich.markup import escape

    from deeplab.cli.data_tables import print_classes, print_sizes
    from deeplab.data.label_report import remarks

    console = Console()
    print_classes(console, title, report, info)
    print_sizes(console, report)
    absent = [c.name for c in info.classes if not report.class_images[c.id]]
    if absent:
        console.print(
            f"{len(absent)} classes do not occur: {escape(', '.join(absent))}"
        )
    unlabelled = f", {report.unlabelled} without a label" if report.unlabelled else ""
    console.print(f"{report.records} records{unlabelled}")
    for remark in remarks(report, info):
        console.print(f"[yellow]remark[/yellow] {escape(remark)}", soft_wrap=True)
    for problem in report.problems[:_PROBLEMS_SHOWN]:
        console.print(f"[red]problem[/red] {escape(str(problem))}", soft_wrap=True)
    hidden = len(report.problems) - _PROBLEMS_SHOWN
    if hidden > 0:
        console.print(f"... and {hidden} more problems")
    if not report.problems:
        console.print("[green]no problem found[/green]")
