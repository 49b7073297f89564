"""Overlap areas of two label maps.

Label maps consist of long horizontal runs. The pair of labels changes only where a run
of either map starts, so that pairs are counted by run, not by pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Maximum size of a lookup table, in entries per value that is looked up.
_DENSE = 16


def overlap_areas(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the pairs of labels that share pixels, and the number of these pixels.

    Args:
      first: [h, w] int32 labels, at least one pixel.
      second: labels of the same pixels.

    Returns:
      Labels of the first map, labels of the second, and their common pixels: [n] int64
      each, sorted by the first, then the second.
    """
    a, b = np.ravel(first), np.ravel(second)
    changes = a[1:] != a[:-1]
    changes |= b[1:] != b[:-1]
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=a.size)
    first, second = a[starts], b[starts]
    first_table, second_table = _table(first), _table(second)
    if first_table and second_table:
        bins = len(first_table.labels) * len(second_table.labels)
        if bins <= _DENSE * first.size:
            return _tabled(first, second, lengths, first_table, second_table)
    # Encodes both labels in one number that preserves their order.
    low = second.astype(np.int64) + 2**31
    pairs = (first.astype(np.int64) << 32) + low
    pairs, run_pair = np.unique(pairs, return_inverse=True)
    areas = np.bincount(run_pair, weights=lengths).astype(np.int64)
    return pairs >> 32, (pairs & 0xFFFFFFFF) - 2**31, areas


class _Table(NamedTuple):
    """The distinct labels of an array, found without sorting."""

    # [n] int64, sorted.
    labels: np.ndarray
    # Index in `labels` of the label at position `label - lowest`.
    number: np.ndarray


def _table(values: np.ndarray) -> _Table | None:
    """Returns the distinct labels, or None if sorting is faster."""
    lowest = int(values.min())
    span = int(values.max()) - lowest + 1
    if span > _DENSE * values.size:
        return None
    seen = np.zeros(span, bool)
    seen[values - lowest] = True
    return _Table(np.flatnonzero(seen) + lowest, np.cumsum(seen) - 1)


def _tabled(
    first: np.ndarray,
    second: np.ndarray,
    lengths: np.ndarray,
    first_table: _Table,
    second_table: _Table,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts the pairs of `overlap_areas` without sorting."""
    width = len(second_table.labels)
    pairs = first_table.number[first - first_table.labels[0]] * width
    pairs += second_table.number[second - second_table.labels[0]]
    areas = np.bincount(pairs, weights=lengths)
    found = np.flatnonzero(areas)
    return (
        first_table.labels[found // width],
        second_table.labels[found % width],
        areas[found].astype(np.int64),
    )


def grouped(labels: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns the distinct labels, the index of each entry in them, and their areas."""
    distinct, index = np.unique(labels, return_inverse=True)
    return distinct, index, total(index, areas, len(distinct))


def total(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Returns the [size] int64 sums of the integer values with each index."""
    return np.bincount(index, weights=values, minlength=size).astype(np.int64)
