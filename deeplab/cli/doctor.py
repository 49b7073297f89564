"""`deeplab doctor`: checks that this machine can run the library."""

from __future__ import annotations

import argparse
from pathlib import Path

from deeplab.inspection.machine import examine

HELP = "check the installation and the machine, and suggest fixes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="folder that runs will be written to (default: the current one)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints one line for each check.

    Returns:
      0, or 1 when something has to be fixed.
    """
    failed = 0
    for finding in examine(args.folder):
        print(finding, flush=True)
        failed += finding.level == "FAIL"
    if failed:
        print(
            f"\n{failed} of these checks failed: the library cannot run here until "
            "they pass."
        )
        return 1
    print("\nThe library can run here.")
    return 0
