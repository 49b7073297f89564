"""Overlap areas of two label maps.

Label maps consist of long horizontal runs: only where a run of either map begins does
the pair of labels change, so that pairs are counted by run, not by pixel.
"""

from __future__ import annotations

import numpy as np


def overlap_areas(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the pairs of labels that share pixels, and how many.

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
    # Both labels in one number, in which they keep their order.
    low = b[starts].astype(np.int64) + 2**31
    pairs = (a[starts].astype(np.int64) << 32) + low
    pairs, run_pair = np.unique(pairs, return_inverse=True)
    areas = np.bincount(run_pair, weights=lengths).astype(np.int64)
    return pairs >> 32, (pairs & 0xFFFFFFFF) - 2**31, areas


def grouped(labels: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns the distinct labels, for each entry which one it is, and their areas."""
    distinct, index = np.unique(labels, return_inverse=True)
    return distinct, index, total(index, areas, len(distinct))


def total(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Returns [size] int64 sums of the integer values that have the same index."""
    return np.bincount(index, weights=values, minlength=size).astype(np.int64)
