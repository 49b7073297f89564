"""The weighted sum of loss terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Example
from deeplab.losses.base import LossTerm, Prepare, PreparedTerm

TOTAL = "total_loss"


class CompositeLoss:
    """Weighs named terms and adds them up.

    Terms that prepare their targets (`PreparedTerm`) count for the outputs of earlier
    decoder layers as well, with the targets of the final one.
    """

    def __init__(
        self,
        terms: Mapping[str, tuple[float, LossTerm]],
        *,
        auxiliary_outputs: int = 0,
    ):
        """Makes the sum.

        Args:
          terms: name -> (weight, term), in the order of the results.
          auxiliary_outputs: how many earlier outputs a model returns in training.

        Raises:
          ValueError: there is no term, or one is called "total_loss".
        """
        if not terms:
            raise ValueError("no loss term: set one in trainer_options.loss_options")
        if TOTAL in terms:
            raise ValueError(f"{TOTAL!r} is the sum of the terms and cannot be a term")
        self._terms = dict(terms)
        self._auxiliary_outputs = auxiliary_outputs

    @property
    def names(self) -> list[str]:
        """Names of the results in training: the terms, then the total."""
        names: list[str] = []
        earlier = range(self._auxiliary_outputs)
        for name, (_, term) in self._terms.items():
            if isinstance(term, PreparedTerm):
                for start in ("", *(f"aux_{i}" for i in earlier)):
                    names += [f"{start}{name}{part}" for part in term.parts]
            else:
                names.append(name)
        return [*names, TOTAL]

    def __call__(self, example: Example, output: Any) -> dict[str, tf.Tensor]:
        """Returns name -> [batch] float32, weighted, and their sum "total_loss".

        Args:
          example: the batch.
          output: what the model returned for it in training mode, or its prediction,
            which has no earlier outputs.

        Raises:
          ValueError: there are other earlier outputs than the loss was made for.
        """
        earlier = getattr(output, "auxiliary_outputs", ())
        if len(earlier) not in (0, self._auxiliary_outputs):
            raise ValueError(
                f"the model returned {len(earlier)} auxiliary outputs, but the loss is "
                f"for {self._auxiliary_outputs}"
            )
        outputs = {"": output, **{f"aux_{i}": o for i, o in enumerate(earlier)}}
        prepared: dict[Prepare, Any] = {}
        losses: dict[str, tf.Tensor] = {}
        for name, (weight, term) in self._terms.items():
            if not isinstance(term, PreparedTerm):
                losses[name] = weight * term(example, output)
                continue
            if term.prepare not in prepared:
                prepared[term.prepare] = term.prepare(example, output)
            for start, one in outputs.items():
                parts = term.compute(prepared[term.prepare], one)
                for ending, value in zip(term.parts, parts, strict=True):
                    losses[f"{start}{name}{ending}"] = weight * value
        losses[TOTAL] = tf.add_n(list(losses.values()))
        return losses
