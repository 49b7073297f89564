"""`deeplab check-submission`: what an evaluation server would refuse."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.cli.data_source import named_data_set

if TYPE_CHECKING:
    from deeplab.predictions.base import Format

HELP = "check stored predictions before they go to an evaluation server"

_PROBLEMS_SHOWN = 50
# Instances of one class that are told apart, whatever the data set's own divisor is.
_DIVISOR = 2**16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("path", type=Path, help="folder, .zip, or JSON of COCO")
    parser.add_argument(
        "--format",
        required=True,
        help="of the files, such as cityscapes_pixel; g3doc/predictions.md lists all",
    )
    parser.add_argument("--dataset", help="data set of the labels")
    parser.add_argument("--description", help="JSON description of the data set")
    parser.add_argument(
        "--images",
        type=Path,
        help="folder of the images that are to be predicted, whose names and sizes are "
        "compared, or a text file of their names",
    )


def run(args: argparse.Namespace) -> int:
    """Checks names, number, sizes, ids and files.

    Returns:
      0 if nothing is wrong, else 1.

    Raises:
      ValueError: the flags do not say what to check, or the .zip is damaged.
    """
    from rich.console import Console
    from rich.markup import escape

    from deeplab.predictions import FORMATS
    from deeplab.predictions.submission import images_of, problems

    layout = FORMATS.get(args.format)()
    info = named_data_set(args)
    if info is None:
        raise ValueError("check-submission needs --dataset or --description")
    info = dataclasses.replace(info, label_divisor=_DIVISOR)
    images = None if args.images is None else images_of(args.images)
    console = Console()
    with _unpacked(args.path) as folder, console.status("checking"):
        place = _listed(folder, layout)
        found = [
            # Where an archive was unpacked is no news.
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


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Gives a folder, or that of an archive, which is removed in the end."""
    import tempfile

    from deeplab.predictions.archive import extract_zip

    if path.suffix != ".zip":
        if not path.exists():
            raise ValueError(f"{path}: no such file or folder")
        yield path
        return
    with tempfile.TemporaryDirectory() as temporary:
        extract_zip(path, Path(temporary))
        yield Path(temporary)


def _listed(path: Path, layout: Format) -> Path:
    """Returns what the format takes as path: in a folder, its only JSON, or itself.

    Raises:
      ValueError: there is no such JSON, or several.
    """
    if not layout.index or not path.is_dir():
        return path
    found = sorted(path.glob(f"*{Path(layout.index).suffix}"))
    if len(found) != 1:
        raise ValueError(
            f"the format has one JSON beside its folder, such as {layout.index}; there "
            f"are {len(found)}"
        )
    return found[0]
