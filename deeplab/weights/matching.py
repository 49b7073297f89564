"""Matches the arrays of a file to variables by key and by shape."""

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
    """A variable and the stored array that it is restored from."""

    variable: tf.Variable
    stored: StoredArray
    layout: Layout

    def assign(self) -> None:
        """Assigns the stored array to the variable.

        Raises:
          WeightsError: the array cannot be read because the file is damaged.
        """
        self.variable.assign(self.layout.array(self.stored.read()))


def match(
    source: str,
    variables: Mapping[str, tf.Variable],
    arrays: Mapping[str, StoredArray],
    name_maps: Sequence[NameMap],
) -> tuple[list[Match], RestoreReport]:
    """Finds a stored array for each variable, without reading it.

    Args:
      source: name of the file, for the report.
      variables: checkpoint key -> variable of a model.
      arrays: key in the file -> stored array.
      name_maps: alternative keys to try for weights that the file does not store
        under their checkpoint keys.

    Returns:
      The matches, and the report that is true once they are assigned.
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
