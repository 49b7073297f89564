"""`deeplab check-submission`: finds what an evaluation server would reject."""

from __future__ import annotations

import argparse
from pathlib import Path

from deeplab.cli.data_flags import add_data_set_flags, named_data_set

HELP = "check predictions before submitting them to an evaluation server"

_PROBLEMS_SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("path", type=Path, help="folder, .zip, or COCO JSON")
    parser.add_argument(
        "--format",
        required=True,
        help="format of the files, such as cityscapes_pixel; g3doc/predictions.md "
        "lists all",
    )
    add_data_set_flags(parser, "the labels")
    parser.add_argument(
        "--images",
        type=Path,
        help="folder of the images to predict, to compare names and sizes with, or a "
        "text file of their names",
    )


def run(args: argparse.Namespace) -> int:
    """Checks the number, names, sizes, ids and content of the files.

    Returns:
      0 if no problem was found, else 1.

    Raises:
      ValueError: the flags do not specify what to check, or the .zip is damaged.
    """
    from rich.console import Console
    from rich.markup import escape

    from deeplab.predictions import FORMATS
    from deeplab.predictions.archive import unpacked
    from deeplab.predictions.submission import images_of, listed_file, problems
    from deeplab.predictions.wide_labels import with_wide_labels

    layout = FORMATS.get(args.format)()
    info = named_data_set(args)
    if info is None:
        raise ValueError("check-submission needs --dataset or --description")
    info = with_wide_labels(info)
    images = None if args.images is None else images_of(args.images)
    console = Console()
    with unpacked(args.path) as folder, console.status("checking"):
        place = listed_file(folder, layout)
        found = [
            # The user need not see where an archive was unpacked.
            tuple(text.replace(f"{folder}/", "") for text in problem)
            for problem in problems(layout, place, info, images)
        ]
    for where, what in found[:_PROBLEMS_SHOWN]:
        text = what if what.startswith(where) else f"{where}: {what}"
        console.print(f"[red]problem[/red] {escape(text)}", soft_wrap=True)
    hidden = len(found) - _PROBLEMS_SHOWN
    if hidden > 0:
        console.print(f"... and {hidden} more problems")
    if not found:
        console.print("[green]no problem found[/green]")
    return int(bool(found))
