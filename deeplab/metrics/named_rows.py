"""Rows of integers under names, as plain arrays: the state of metrics of videos."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# Such as (sequence,) or (sequence, frame).
Name = tuple[str, ...]


def pack(
    rows: Mapping[Name, np.ndarray], parts: int, columns: int
) -> dict[str, np.ndarray]:
    """Returns rows as arrays that do not depend on their order in the mapping.

    Args:
      rows: name -> [n, columns] int64.
      parts: strings in a name.
      columns: numbers in a row.

    Returns:
      "names" [k, parts] strings, sorted; "counts" [k] int64, rows of each name;
      "rows" [all, columns] int64.
    """
    names = sorted(rows)
    return {
        "names": np.array(names, np.str_).reshape(-1, parts),
        "counts": np.array([len(rows[name]) for name in names], np.int64),
        "rows": np.concatenate(
            [np.zeros((0, columns), np.int64), *(rows[name] for name in names)]
        ),
    }


def unpack(state: Mapping[str, np.ndarray]) -> dict[Name, np.ndarray]:
    """Returns what `pack` was given."""
    ends = np.cumsum(state["counts"])[:-1]
    parts = np.split(np.array(state["rows"], np.int64), ends)
    names = [tuple(map(str, name)) for name in state["names"]]
    return dict(zip(names, parts, strict=False))


def summed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns rows (true label, predicted label, pixels) with equal pairs added up.

    Args:
      first: [n, 3] int64, labels of 32 bits.
      second: [m, 3] int64.

    Returns:
      [k, 3] int64, sorted.
    """
    rows = np.concatenate([first, second])
    pairs, index = np.unique((rows[:, 0] << 32) + rows[:, 1], return_inverse=True)
    pixels = np.zeros(len(pairs), np.int64)
    np.add.at(pixels, index, rows[:, 2])
    return np.stack([pairs >> 32, pairs & 0xFFFFFFFF, pixels], axis=1)
