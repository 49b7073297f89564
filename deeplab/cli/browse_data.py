"""`deeplab browse-data`: an HTML page of images with their labels drawn over them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from deeplab.cli.data_flags import add_source_flags, data_sources

HELP = "write an HTML page of images and labels to look through"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_source_flags(parser, "show")
    parser.add_argument("--output", required=True, help="folder to write the page into")
    parser.add_argument(
        "--limit",
        type=int,
        default=200,
        help="number of images, spread evenly over the records (default: 200)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="worker processes (default: all cores)",
    )


def run(args: argparse.Namespace) -> int:
    """Writes `index.html` for each data set.

    Raises:
      ValueError: the flags do not specify the records and their data set.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if args.limit < 1:
        raise ValueError(f"--limit {args.limit}: must be at least one image")
    sources = data_sources(args)
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.inspection.record_page import choose_records, write_record_page

    for title, patterns, info in sources:
        folder = Path(args.output, title if len(sources) > 1 else "")
        records = choose_records(patterns, args.limit, info)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("drawing", total=len(records))
            write_record_page(
                records,
                info,
                folder,
                f"{title} as {info.name}",
                workers=args.workers,
                advance=lambda bar=bar, task=task: bar.advance(task),
            )
        print(f"{len(records)} images: {folder / 'index.html'}")
    return 0
