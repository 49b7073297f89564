"""What a loss term is."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from deeplab.core.specs import PixelSampling
from deeplab.core.structures import Example, Tensor


@dataclass(frozen=True)
class TermOptions:
    """What a config says of a term.

    Attributes:
      name: what is computed, where a term offers a choice.
      weight: factor of the term in the total loss.
      top_k_percent: share of the pixels that counts, above 0 and up to 1.
      reads: the field of the output that a term reads; empty for the usual one.
      sampling: pixels to draw at random.
    """

    name: str = ""
    weight: float = 1.0
    top_k_percent: float = 1.0
    reads: str = ""
    sampling: PixelSampling = field(default_factory=PixelSampling)


class Prepare(Hashable, Protocol):
    """Computes targets; equal ones compute the same."""

    def __call__(self, example: Example, output: Any) -> Any:
        """Returns targets of any type."""
        ...


class LossTerm(Protocol):
    """One term of a loss, unweighted and per sample."""

    def __call__(self, example: Example, output: Any) -> Tensor:
        """Returns the loss of each sample.

        Args:
          example: the batch, with the targets and pixel weights of this term.
          output: what the model returned for it in training mode: a tuple of
            `deeplab.core.structures` at the size of the targets.

        Returns:
          [batch] float32, 0 where a sample has no valid pixel.
        """
        ...


class PreparedTerm(abc.ABC):
    """A term whose targets are computed once for all terms of its kind.

    Attributes:
      prepare: from the batch and the model's output to the targets. Terms whose
        `prepare` are equal share the result.
      parts: endings of the names under which the parts of the term are logged.
    """

    prepare: Prepare
    parts: ClassVar[tuple[str, ...]] = ("",)

    def __call__(self, example: Example, output: Any) -> Tensor:
        """Returns the sum of the parts; see `LossTerm`."""
        return sum(self.compute(self.prepare(example, output), output))

    @abc.abstractmethod
    def compute(self, targets: Any, output: Any) -> tuple[Tensor, ...]:
        """Returns the parts, unweighted.

        Args:
          targets: what `prepare` returned for the final output of the model.
          output: that output, or one of an earlier layer of its decoder.

        Returns:
          [batch] float32 each, 0 where a sample has no valid pixel.
        """


def check_name(field: str, name: str, supported: Iterable[str]) -> None:
    """Refuses a loss name that a field of the config does not offer.

    Raises:
      ValueError: `name` is not one of `supported`.
    """
    supported = sorted(supported)
    if name not in supported:
        raise ValueError(
            f"{field}: unknown loss name {name!r}; supported: {', '.join(supported)}"
        )


def check_options(field: str, options: TermOptions, *, top_k: bool = False) -> None:
    """Refuses options that a term without a choice does not have.

    Args:
      field: the term.
      options: what the config says of it.
      top_k: whether the term has a top-k share.

    Raises:
      ValueError: a name is set, or a share that the term has not.
    """
    if options.name not in ("", field):
        raise ValueError(f"{field}: unknown loss name {options.name!r}; leave it out")
    if options.top_k_percent != 1.0 and not top_k:
        raise ValueError(f"{field}: this loss has no top_k_percent; leave it out")
