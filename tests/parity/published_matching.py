"""The matching of masks with the rounding of the published code, for comparison.

The published code pads the costs, which are products of two probabilities, with 999
and -999 and subtracts the least of each row: what is left are differences near 999,
float32 numbers 6e-5 apart. Masks of random weights have costs that differ by less, so
the order in which it looks for pairs decides many of them. Here is that order: the
Hungarian method by augmenting paths and covers, for one matrix at a time.
"""

import numpy as np

_PADDING = 999.0


def published_assignment(costs, counts):
    """Returns what `deeplab.ops.matching.assign_rows` does, as the published code.

    Args:
      costs: [b, rows, columns] float32.
      counts: [b, rows] bool, rows that are there.

    Returns:
      [b, rows] int32, the column of each row, -1 without one.
    """
    return np.stack([_assign(*pair) for pair in zip(costs, counts, strict=True)])


def _assign(costs, counts):
    rows, columns = costs.shape
    absent = -_PADDING if columns >= rows else _PADDING
    costs = np.where(counts[:, np.newaxis], costs, absent).astype(np.float32)
    size = max(rows, columns)
    square = np.full((size, size), -_PADDING, np.float32)
    square[:rows, :columns] = costs
    pairs = _hungarian(square)[:rows, :columns]
    column = np.where(pairs.any(axis=1), pairs.argmax(axis=1), -1)
    return np.where(counts, column, -1).astype(np.int32)


def _hungarian(weights):
    weights = weights - weights.min(axis=1, keepdims=True)
    weights = weights - weights.min(axis=0, keepdims=True)
    pairs = _greedy(weights == 0)
    while True:
        free = weights == 0
        reach = _search(pairs, free)
        while reach.ends.any():
            _flip_path(pairs, reach)
            reach = _search(pairs, free)
        row_cover = pairs.any(axis=1) & (reach.rows == 0)
        column_cover = pairs.any(axis=0) & (reach.columns > 0)
        if row_cover.sum() + column_cover.sum() >= len(weights):
            return pairs
        covered = row_cover[:, np.newaxis] | column_cover
        twice = row_cover[:, np.newaxis] & column_cover
        least = weights[~covered].min()
        zero = np.float32(0)
        weights = (
            weights + np.where(twice, least, zero) - np.where(covered, zero, least)
        )


def _greedy(free):
    pairs = np.zeros_like(free)
    for row, candidates in enumerate(free):
        candidates = candidates & ~pairs.any(axis=0)
        if candidates.any():
            pairs[row, candidates.argmax()] = True
    return pairs


class _Reach:
    """What alternating paths from rows without a column reach; numbers from 1."""

    def __init__(self, pairs):
        size = len(pairs)
        # The row at which the path to a row or a column begins; 0 if there is none.
        self.rows = np.where(pairs.any(axis=1), 0, np.arange(1, size + 1))
        self.columns = np.zeros(size, int)
        # What comes just before it on the path.
        self.before_row = np.zeros(size, int)
        self.before_column = np.zeros(size, int)
        # Columns without a row at which a path ends.
        self.ends = np.zeros(size, bool)


def _search(pairs, free):
    reach = _Reach(pairs)
    new = reach.rows
    while new.any():
        starts = new[:, np.newaxis] * (free & ~pairs)
        found = np.where(reach.columns > 0, 0, starts.max(axis=0))
        reach.before_column[found > 0] = 1 + starts.argmax(axis=0)[found > 0]
        reach.columns = np.maximum(reach.columns, found)
        starts = found * pairs
        new = np.where(reach.rows > 0, 0, starts.max(axis=1))
        reach.before_row[new > 0] = 1 + starts.argmax(axis=1)[new > 0]
        reach.rows = np.maximum(reach.rows, new)
    reach.ends = (reach.columns > 0) & ~pairs.any(axis=0)
    return reach


def _flip_path(pairs, reach):
    column = reach.ends.argmax()
    while column >= 0:
        row = reach.before_column[column] - 1
        pairs[row, column] ^= True
        column = reach.before_row[row] - 1
        if column >= 0:
            pairs[row, column] ^= True
