"""`deeplab eval`: evaluate the newest checkpoint of a model folder."""

from __future__ import annotations

import argparse

from deeplab.trainer import train

HELP = "evaluate a trained model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `trainer/train.py`."""
    train.add_flags(parser, mode="eval")


def run(args: argparse.Namespace) -> int:
    """Evaluates."""
    return train.run(args)
