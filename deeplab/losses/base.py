"""The interfaces of loss terms, and checks of their options."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from deeplab.core.specs import PixelSampling
from deeplab.core.structures import Example, Tensor


@dataclass(frozen=True)
class TermOptions:
    """The options of a term.

    Attributes:
      name: name of the loss, for terms that offer a choice.
      weight: factor of the term in the total loss.
      top_k_percent: fraction of the pixels that counts, those with the highest loss;
        above 0 and up to 1.
      reads: output field that the term reads; empty for the usual one.
      sampling: how pixels are drawn at random.
    """

    name: str = ""
    weight: float = 1.0
    top_k_percent: float = 1.0
    reads: str = ""
    sampling: PixelSampling = field(default_factory=PixelSampling)


class Prepare(Hashable, Protocol):
    """Computes targets; two that compare equal compute the same targets."""

    def __call__(self, example: Example, output: Any) -> Any:
        """Returns the targets, of any type."""
        ...


class LossTerm(Protocol):
    """One term of a loss, unweighted and per sample."""

    def __call__(self, example: Example, output: Any) -> Tensor:
        """Returns the loss of each sample.

        Args:
          example: the batch, with the targets and pixel weights of this term.
          output: the model's output for the batch in training mode: a tuple of
            `deeplab.core.structures` at the size of the targets.

        Returns:
          [batch] float32, 0 where a sample has no valid pixel.
        """
        ...


class PreparedTerm(abc.ABC):
    """A term that shares its targets with other terms.

    Attributes:
      prepare: computes the targets from the batch and the model's output. Terms whose
        `prepare` are equal share the result.
      parts: suffixes of the names under which the parts of the term are logged.
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
          targets: the targets that `prepare` returned for the model's final output.
          output: that output, or the output of an earlier decoder layer.

        Returns:
          [batch] float32 each, 0 where a sample has no valid pixel.
        """


def check_name(field: str, name: str, supported: Iterable[str]) -> None:
    """Checks that a field of the config supports a loss name.

    Raises:
      ValueError: `name` is not one of `supported`.
    """
    supported = sorted(supported)
    if name not in supported:
        raise ValueError(
            f"{field}: unknown loss name {name!r}; supported: {', '.join(supported)}"
        )


def check_options(field: str, options: TermOptions, *, top_k: bool = False) -> None:
    """Checks the options of a term that offers no choice of the loss.

    Args:
      field: name of the term.
      options: options of the term.
      top_k: whether the term supports `top_k_percent`.

    Raises:
      ValueError: another name is set, or an unsupported `top_k_percent`.
    """
    if options.name not in ("", field):
        raise ValueError(f"{field}: unknown loss name {options.name!r}; leave it out")
    if options.top_k_percent != 1.0 and not top_k:
        raise ValueError(f"{field}: this loss has no top_k_percent; leave it out")
