"""Which array of a file belongs to which variable: by key and by shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from deeplab.weights.bookkeeping import weight_keys
from deeplab.weights.checkpoint_keys import SUFFIX
from deeplab.weights.layouts import Layout
from deeplab.weights.name_maps.base import Candidate, ModelWeight, NameMap
from deeplab.weights.readers.base import StoredArray
from deeplab.weights.report import RestoreReport


class Match(NamedTuple):
    """A variable, and the array that it takes its value from."""

    variable: tf.Variable
    stored: StoredArray
    layout: Layout

    def assign(self) -> None:
        """Gives the variable its value.

        Raises:
          WeightsError: the file is damaged there.
        """
        self.variable.assign(self.layout.array(self.stored.read()))


def match(
    source: str,
    variables: Mapping[str, tf.Variable],
    arrays: Mapping[str, StoredArray],
    name_maps: Sequence[NameMap],
) -> tuple[list[Match], RestoreReport]:
    """Finds an array for each variable; none is read.

    Args:
      source: the file, for the report.
      variables: those of a model by checkpoint key.
      arrays: those of the file by its own keys.
      name_maps: where to look for what the file has not under its checkpoint key.

    Returns:
      The matches, and what the report says once they are assigned.
    """
    report = RestoreReport(source)
    matches: list[Match] = []
    seen: set[str] = set()
    for full_key, variable in variables.items():
        weight = ModelWeight(full_key.removesuffix(SUFFIX), variable.name)
        found = next((c for c in _places(weight, name_maps) if c.key in arrays), None)
        if found is None:
            report.missing.append(weight.key)
            continue
        stored = arrays[found.key]
        wanted = [side for side in variable.shape if side is not None]
        seen.add(found.key)
        there = found.layout.shape(stored.shape)
        if there == tuple(wanted):
            report.restored.append(weight.key)
            matches.append(Match(variable, stored, found.layout))
        else:
            report.skipped[weight.key] = (list(there or stored.shape), wanted)
    report.unused = [key for key in weight_keys(arrays) if key not in seen]
    return matches, report


def _places(weight: ModelWeight, name_maps: Iterable[NameMap]) -> Iterator[Candidate]:
    yield Candidate(weight.key)
    for name_map in name_maps:
        yield from name_map(weight)
