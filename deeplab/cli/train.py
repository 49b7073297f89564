"""`deeplab train`: train, and evaluate meanwhile."""

from __future__ import annotations

import argparse

from deeplab.trainer import train

HELP = "train a model, evaluating it meanwhile"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `trainer/train.py`."""
    train.add_flags(parser, mode="train_and_eval")


def run(args: argparse.Namespace) -> int:
    """Trains."""
    return train.run(args)
