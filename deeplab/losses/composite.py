"""The weighted sum of loss terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Example
from deeplab.losses.base import LossTerm

TOTAL = "total_loss"


class CompositeLoss:
    """Weighs named terms and adds them up."""

    def __init__(self, terms: Mapping[str, tuple[float, LossTerm]]):
        """Makes the sum.

        Args:
          terms: name -> (weight, term), in the order of the results.

        Raises:
          ValueError: there is no term, or one is called "total_loss".
        """
        if not terms:
            raise ValueError("no loss term: set one in trainer_options.loss_options")
        if TOTAL in terms:
            raise ValueError(f"{TOTAL!r} is the sum of the terms and cannot be a term")
        self._terms = dict(terms)

    @property
    def names(self) -> list[str]:
        """Names of the results: the terms, then the total."""
        return [*self._terms, TOTAL]

    def __call__(self, example: Example, output: Any) -> dict[str, tf.Tensor]:
        """Returns name -> [batch] float32, weighted, and their sum "total_loss".

        Args:
          example: the batch.
          output: what the model returned for it in training mode.
        """
        losses = {
            name: weight * term(example, output)
            for name, (weight, term) in self._terms.items()
        }
        losses[TOTAL] = tf.add_n(list(losses.values()))
        return losses
