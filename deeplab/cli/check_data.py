"""`deeplab check-data`: what records hold, and what is wrong with them."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from deeplab.cli.data_source import add_source_arguments, data_sources

if TYPE_CHECKING:
    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.data.label_check import LabelReport

HELP = "check records: files, sizes and labels"

_PROBLEMS_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_source_arguments(parser, "check")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Checks the records and prints what they hold; returns 1 if something is wrong.

    Raises:
      ValueError: the records or their data set are not given as they should be.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    found_problems = False
    for title, patterns, info in data_sources(args):
        report = _check(patterns, info, args.workers)
        _print_report(title, report, info)
        found_problems |= bool(report.problems)
    return int(found_problems)


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
    from rich.table import Table

    from deeplab.data.label_report import remarks

    console = Console()
    table = Table(title=escape(f"{title} as {info.name}"))
    table.add_column("class")
    for column in ("id", "pixels", "images", "instances", "crowd"):
        table.add_column(column, justify="right")
    pixels = max(report.pixels, 1)
    for c in info.classes:
        count = report.class_pixels[c.id]
        if not report.class_images[c.id]:
            continue
        most = f"{report.most_instances[c.id]} of {info.label_divisor - 1}"
        crowd = report.crowd_pixels[c.id] / max(count, 1)
        table.add_row(
            escape(c.name),
            str(c.id),
            f"{count / pixels:.2%}",
            str(report.class_images[c.id]),
            most if c.is_thing else "",
            f"{crowd:.1%}" if c.is_thing else "",
        )
    void = report.class_pixels[info.ignore_label]
    table.add_section()
    table.add_row(
        "ignored",
        str(info.ignore_label),
        f"{void / pixels:.2%}",
        str(report.class_images[info.ignore_label]),
    )
    console.print(table)
    console.print(
        "[dim]instances: most in one image, of as many as the divisor tells apart; "
        "crowd: share of the pixels with instance id 0[/dim]"
    )
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
