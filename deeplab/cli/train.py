"""`deeplab train`: trains a model and evaluates it along the way."""

from __future__ import annotations

import argparse

from deeplab.trainer import train

HELP = "train a model, evaluating it along the way"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `trainer/train.py`."""
    train.add_flags(parser, mode="train_and_eval")


def run(args: argparse.Namespace) -> int:
    """Trains the model of the config."""
    return train.run(args)
