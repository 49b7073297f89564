"""Label maps as runs of equal values, over which passes are cheap.

A label map of two million pixels has a few thousand runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Runs(NamedTuple):
    """The runs of equal values of an array, read row by row."""

    # [n] values of the runs, with the dtype of the array.
    values: np.ndarray
    # [n] int64, number of pixels in each run.
    lengths: np.ndarray
    # [n] int64, flat index of each run's first pixel.
    starts: np.ndarray


def find_runs(array: np.ndarray) -> Runs:
    """Returns the runs of a non-empty array."""
    flat = array.ravel()
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], starts))
    return Runs(flat[starts], np.diff(starts, append=flat.size), starts)


def areas(runs: Runs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the distinct values in ascending order, their areas and first indices."""
    values, first, group = np.unique(
        runs.values, return_index=True, return_inverse=True
    )
    pixels = np.bincount(group, weights=runs.lengths, minlength=values.size)
    return values, pixels.astype(np.int64), runs.starts[first]


def relabel(
    runs: Runs, found: np.ndarray, new_values: Mapping[int, int], shape: tuple[int, ...]
) -> np.ndarray:
    """Returns an int32 array in which every value of the runs is replaced.

    Args:
      runs: the runs of an array.
      found: the distinct values of the array, ascending.
      new_values: old value -> new value.
      shape: shape of the array.
    """
    table = np.array([new_values[v] for v in found.tolist()], np.int32)
    new = table[np.searchsorted(found, runs.values)]
    return np.repeat(new, runs.lengths).reshape(shape)
