"""Named tables of integers, stored as plain arrays: the state of video metrics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# For example (sequence,) or (sequence, frame).
Name = tuple[str, ...]


def pack(
    rows: Mapping[Name, np.ndarray], parts: int, columns: int
) -> dict[str, np.ndarray]:
    """Packs rows into arrays that do not depend on the order of the mapping.

    Args:
      rows: name -> [n, columns] int64.
      parts: number of strings in a name.
      columns: number of integers in a row.

    Returns:
      "names" [k, parts] strings, sorted; "counts" [k] int64, number of rows per name;
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
    """Returns the mapping that was passed to `pack`."""
    ends = np.cumsum(state["counts"])[:-1]
    parts = np.split(np.array(state["rows"], np.int64), ends)
    names = [tuple(map(str, name)) for name in state["names"]]
    return dict(zip(names, parts, strict=False))


def summed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Joins rows (true label, predicted label, pixels), summing those of equal labels.

    Args:
      first: [n, 3] int64; labels fit into 32 bits.
      second: [m, 3] int64.

    Returns:
      [k, 3] int64, sorted.
    """
    rows = np.concatenate([first, second])
    pairs, index = np.unique((rows[:, 0] << 32) + rows[:, 1], return_inverse=True)
    pixels = np.zeros(len(pairs), np.int64)
    np.add.at(pixels, index, rows[:, 2])
    return np.stack([pairs >> 32, pairs & 0xFFFFFFFF, pixels], axis=1)
