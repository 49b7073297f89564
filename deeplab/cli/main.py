"""The `deeplab` command: one program with a subcommand for each task.

A subcommand is a module of this folder with `HELP`, `add_arguments(parser)` and
`run(args) -> int`. Only the module of the given command is imported, and none
imports TensorFlow before its arguments have been checked.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import deeplab

# Command -> module of this folder, in the order of `deeplab --help`.
COMMANDS = {
    "demo": "demo",
    "convert": "convert",
    "check-data": "check_data",
    "browse-data": "browse_data",
    "train": "train",
    "eval": "eval",
    "predict": "predict",
    "eval-predictions": "eval_predictions",
    "check-submission": "check_submission",
    "track": "track",
    "export": "export",
    "inspect": "inspect",
    "zoo": "zoo",
    "benchmark": "benchmark",
    "doctor": "doctor",
}

USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
      arguments: command line without the program; that of this process if None.

    Returns:
      0 on success, 2 when the user has to change something (one line explains
      what), 130 after Ctrl-C, otherwise what the subcommand returned.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    args = _parser(words).parse_args(words)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print("deeplab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError) as error:
        # A traceback would hide the one line that explains what to do.
        if args.traceback:
            raise
        what: object = error
        if isinstance(error, OSError) and error.filename and error.strerror:
            what = f"{error.filename}: {error.strerror.lower()}"
        print(f"deeplab: error: {what}", file=sys.stderr)
        return USAGE_ERROR


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: error: {message}\n")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Returns a parser with the arguments of the command in `words`."""
    parser = _Parser(
        prog="deeplab",
        description="Dense prediction in TensorFlow.",
        epilog="Run `deeplab COMMAND --help` for the options of a command.",
    )
    parser.add_argument(
        "--version", action="version", version=f"deeplab {deeplab.__version__}"
    )
    parser.add_argument(
        "--traceback", action="store_true", help="print the traceback of an error"
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )
    chosen = next((word for word in words if not word.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        parser.error(_unknown(chosen))
    for name in COMMANDS if chosen is None else [chosen]:
        module = importlib.import_module(f"deeplab.cli.{COMMANDS[name]}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _unknown(command: str) -> str:
    near = difflib.get_close_matches(command, COMMANDS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COMMANDS)}"
    return f"unknown command {command!r}; {hint}"


if __name__ == "__main__":
    sys.exit(main())
