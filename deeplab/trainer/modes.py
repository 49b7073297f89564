"""The modes of a run."""

from __future__ import annotations

MODES = ("train", "eval", "train_and_eval", "continuous_eval")
