"""The weighted sum of loss terms, over the main and the auxiliary outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Example, Outputs
from deeplab.losses.base import LossTerm, Prepare, PreparedTerm

TOTAL = "total_loss"


@dataclass(frozen=True)
class AuxiliaryLoss:
    """The terms that apply to an auxiliary output.

    Attributes:
      weights: name of a term -> factor, in addition to the weight of the term itself.
      separator: placed between the names of the output and the term in the results.
    """

    weights: Mapping[str, float]
    separator: str = "_"


class CompositeLoss:
    """The weighted sum of named terms.

    Terms that prepare their targets (`PreparedTerm`) do so once, from the main output,
    and use them for all outputs.
    """

    def __init__(
        self,
        terms: Mapping[str, tuple[float, LossTerm]],
        *,
        auxiliary: Mapping[str, AuxiliaryLoss] | None = None,
    ):
        """Makes the sum.

        Args:
          terms: name -> (weight, term), in the order of the results.
          auxiliary: name of an auxiliary output -> terms that apply to it.

        Raises:
          ValueError: there is no term, a term is called "total_loss", or an auxiliary
            output names an unknown term.
        """
        if not terms:
            raise ValueError("no loss term: set one in trainer_options.loss_options")
        if TOTAL in terms:
            raise ValueError(f"{TOTAL!r} is the sum of the terms and cannot be a term")
        self._terms = dict(terms)
        self._auxiliary = dict(auxiliary or {})
        for output, loss in self._auxiliary.items():
            unknown = sorted(set(loss.weights) - set(terms))
            if unknown:
                raise ValueError(
                    f"auxiliary output {output!r}: the loss has no term "
                    f"{', '.join(unknown)}; it has: {', '.join(terms)}"
                )

    @property
    def names(self) -> list[str]:
        """Names of the results in training: the terms, then the total."""
        names = [
            prefix + name + part
            for name, (_, term) in self._terms.items()
            for _, prefix, _ in self._counted(name)
            for part in (term.parts if isinstance(term, PreparedTerm) else ("",))
        ]
        return [*names, TOTAL]

    def __call__(self, example: Example, outputs: Outputs) -> dict[str, tf.Tensor]:
        """Returns name -> [batch] float32, weighted, and their sum "total_loss".

        Args:
          example: the batch.
          outputs: outputs of the model in training mode, or its prediction as the main
            output, without auxiliary outputs.

        Raises:
          ValueError: the auxiliary outputs are not those that the loss was made for.
        """
        auxiliary = outputs.auxiliary
        if auxiliary and not set(self._auxiliary) <= set(auxiliary):
            raise ValueError(
                f"the model returned the auxiliary outputs {', '.join(auxiliary)}, but "
                f"the loss is for {', '.join(self._auxiliary)}"
            )
        by_name = {"": outputs.main, **auxiliary}
        prepared: dict[Prepare, Any] = {}
        losses: dict[str, tf.Tensor] = {}
        for name, (weight, term) in self._terms.items():
            for key, prefix, factor in self._counted(name):
                if key not in by_name:
                    continue
                output = by_name[key]
                if not isinstance(term, PreparedTerm):
                    losses[prefix + name] = weight * factor * term(example, output)
                    continue
                if term.prepare not in prepared:
                    prepared[term.prepare] = term.prepare(example, outputs.main)
                parts = term.compute(prepared[term.prepare], output)
                for part, value in zip(term.parts, parts, strict=True):
                    losses[prefix + name + part] = weight * factor * value
        losses[TOTAL] = tf.add_n(list(losses.values()))
        return losses

    def _counted(self, term: str) -> Iterator[tuple[str, str, float]]:
        """Yields name, prefix and factor of the outputs that a term applies to."""
        yield "", "", 1.0
        for output, loss in self._auxiliary.items():
            if term in loss.weights:
                yield output, output + loss.separator, loss.weights[term]
