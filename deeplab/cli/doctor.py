"""`deeplab doctor`: checks that this machine can run the library."""

from __future__ import annotations

import argparse
from pathlib import Path

from deeplab.inspection.machine import examine

HELP = "check the installation and the machine, and say what to do"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="where runs will be written (here)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints one line for each check.

    Returns:
      0, or 1 when something has to be repaired.
    """
    failed = 0
    for finding in examine(args.folder):
        print(finding, flush=True)
        failed += finding.level == "FAIL"
    if failed:
        print(f"\n{failed} of these stop the library from working.")
        return 1
    print("\nThe library can run here.")
    return 0
