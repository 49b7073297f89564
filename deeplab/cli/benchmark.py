"""`deeplab benchmark`: runs the benchmarks of a source checkout."""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
from pathlib import Path

HELP = "measure the speed of every stage (needs a source checkout)"

FOLDER = Path(__file__).parents[2] / "benchmarks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("names", nargs="*", help="benchmarks to run (default: all)")
    parser.add_argument(
        "--list", action="store_true", help="list the benchmarks, run none"
    )


def run(args: argparse.Namespace) -> int:
    """Runs the benchmarks one after the other, each in its own process.

    Returns:
      0, or the exit status of the first one that failed.

    Raises:
      ValueError: a name is unknown.
      FileNotFoundError: the package does not run from a source checkout.
    """
    scripts = find_scripts(FOLDER)
    for name in args.names:
        if name not in scripts:
            near = difflib.get_close_matches(name, scripts, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {[*scripts]}"
            raise ValueError(f"unknown benchmark {name!r}; {hint}")
    failed = 0
    for name in args.names or scripts:
        print(f"== {name}: {_first_line(scripts[name])}", flush=True)
        if not args.list:
            command = [sys.executable, str(scripts[name])]
            # Only scripts of this checkout get here.
            status = subprocess.run(command, check=False)  # noqa: S603
            failed = failed or status.returncode
    return failed


def find_scripts(folder: Path) -> dict[str, Path]:
    """Returns the runnable scripts in `folder`, by name.

    Raises:
      FileNotFoundError: the folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} does not exist: benchmarks are part of a checkout, not of "
            "the installed package"
        )
    return {
        path.stem: path
        for path in sorted(folder.glob("*.py"))
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }


def _first_line(script: Path) -> str:
    return script.read_text(encoding="utf-8").strip('"').partition("\n")[0].strip('"')
