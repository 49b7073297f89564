"""What a loss term is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from deeplab.core.structures import Example, Tensor


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
