"""Linear sum assignment on the device: matches rows to columns at minimum total cost.

The Hungarian method by shortest augmenting paths: R. Jonker, A. Volgenant, "A Shortest
Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems", Computing
38, 1987, https://doi.org/10.1007/BF02278710. Rows are added one by one, for all
matrices of the batch at once; the shortest path over reduced costs leads from the new
row to a free column. Shapes are static and only the loops depend on values, so the
function compiles under XLA. Rows that are left out take no time.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from deeplab.ops.masks import known_size

_FAR = float("inf")


class _Search(NamedTuple):
    """The tree of shortest paths from the new row, for each matrix."""

    # [b] bool, False once a free column is reached.
    active: tf.Tensor
    # [b] int32, the row to continue from.
    row: tf.Tensor
    # [b] float32, length of the path to this row.
    length: tf.Tensor
    # [b, columns] float32, length of the shortest known path to each column.
    lengths: tf.Tensor
    # [b, columns] int32, the row before each column on that path.
    before: tf.Tensor
    # [b, columns] bool, columns whose path is final.
    final: tf.Tensor
    # [b] int32, the column reached last.
    column: tf.Tensor


def assign_rows(costs: tf.Tensor, counts: tf.Tensor | None = None) -> tf.Tensor:
    """Assigns rows to distinct columns so that the total cost is minimal.

    If more rows take part than there are columns, every column is assigned and the
    other rows get none.

    Args:
      costs: [b, rows, columns] float32; rows and columns are static. Entries that are
        not finite count as 0.
      counts: [b, rows] bool, the rows that take part; None takes all rows.

    Returns:
      [b, rows] int32, the column of each row, -1 if it gets none. No gradient flows
      through the result.
    """
    costs = tf.stop_gradient(tf.cast(costs, tf.float32))
    costs = tf.where(tf.math.is_finite(costs), costs, 0.0)
    rows, columns = known_size(costs, 1), known_size(costs, 2)
    if counts is None:
        counts = tf.ones(tf.shape(costs)[:2], tf.bool)
    # Rows that take part come first.
    order = tf.argsort(tf.cast(tf.logical_not(counts), tf.int32), stable=True)
    number = tf.math.count_nonzero(counts, axis=1, dtype=tf.int32)
    costs = _with_spare_columns(tf.gather(costs, order, batch_dims=1))

    def add_row(
        row: tf.Tensor, owner: tf.Tensor, potential: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        search = _search(costs, row, row < number, owner, potential)
        # The reduced costs along the paths become 0.
        shorter = tf.where(
            search.final, search.length[:, tf.newaxis] - search.lengths, 0.0
        )
        potential -= tf.where((row < number)[:, tf.newaxis], shorter, 0.0)
        return row + 1, _augment(search, row, row < number, owner), potential

    shape = [tf.shape(costs)[0], costs.shape[2]]
    owner = tf.while_loop(
        lambda row, *_: row < tf.reduce_max(number),
        add_row,
        (0, tf.fill(shape, -1), tf.zeros(shape)),
    )[1]
    # Invert the map from columns to rows, and restore the given order of the rows.
    taken = tf.equal(owner[:, tf.newaxis, :columns], tf.range(rows)[:, tf.newaxis])
    column = tf.where(
        tf.reduce_any(taken, axis=2),
        tf.argmax(tf.cast(taken, tf.int32), axis=2, output_type=tf.int32),
        -1,
    )
    return tf.gather(column, tf.argsort(order), batch_dims=1)


def _with_spare_columns(costs: tf.Tensor) -> tf.Tensor:
    """Adds columns until all rows fit, too expensive to be used unless necessary."""
    rows, columns = known_size(costs, 1), known_size(costs, 2)
    if rows <= columns:
        return costs
    highest = tf.reduce_max(costs, axis=[1, 2], keepdims=True)
    lowest = tf.reduce_min(costs, axis=[1, 2], keepdims=True)
    prohibitive = highest + rows * (highest - lowest) + 1.0
    spare = tf.broadcast_to(prohibitive, [tf.shape(costs)[0], rows, rows - columns])
    return tf.concat([costs, spare], axis=2)


def _search(
    costs: tf.Tensor,
    row: tf.Tensor,
    wanted: tf.Tensor,
    owner: tf.Tensor,
    potential: tf.Tensor,
) -> _Search:
    """Finds the shortest path from a row to a free column.

    Args:
      costs: [b, rows, columns] float32.
      row: scalar int32, the row to add.
      wanted: [b] bool, the matrices that have this row.
      owner: [b, columns] int32, the row of each column, -1 if it is free.
      potential: [b, columns] float32, subtracted from the costs of each column. The
        potential of a row follows from its column, as the reduced cost of a matched
        pair is 0.
    """
    columns = costs.shape[2]

    def step(*state: tf.Tensor) -> _Search:
        now = _Search(*state)
        cost = tf.gather(costs, tf.maximum(now.row, 0), batch_dims=1) - potential
        own = tf.gather(cost, now.column, batch_dims=1)
        # The new row owns no column.
        own = tf.where(now.row == row, 0.0, own)
        through = (now.length - own)[:, tf.newaxis] + cost
        nearer = tf.logical_not(now.final) & (through < now.lengths)
        lengths = tf.where(nearer, through, now.lengths)
        before = tf.where(nearer, now.row[:, tf.newaxis], now.before)
        open_lengths = tf.where(now.final, _FAR, lengths)
        column = tf.argmin(open_lengths, axis=1, output_type=tf.int32)
        reached = tf.one_hot(column, columns, on_value=True, off_value=False)
        following = tf.gather(owner, column, batch_dims=1)
        after = _Search(
            active=following >= 0,
            row=following,
            length=tf.gather(lengths, column, batch_dims=1),
            lengths=lengths,
            before=before,
            final=now.final | reached,
            column=column,
        )
        return _Search(
            *(_choose(now.active, a, n) for a, n in zip(after, now, strict=True))
        )

    batch = tf.shape(costs)[0]
    shape = [batch, columns]
    start = _Search(
        active=wanted,
        row=tf.fill([batch], row),
        length=tf.zeros([batch]),
        lengths=tf.fill(shape, _FAR),
        before=tf.fill(shape, -1),
        final=tf.zeros(shape, tf.bool),
        column=tf.zeros([batch], tf.int32),
    )
    return _Search(
        *tf.while_loop(
            lambda *state: tf.reduce_any(_Search(*state).active), step, start
        )
    )


def _augment(
    search: _Search, row: tf.Tensor, wanted: tf.Tensor, owner: tf.Tensor
) -> tf.Tensor:
    """Returns the owners after each row on the path has moved to its next column."""
    columns = owner.shape[1]

    def step(
        active: tf.Tensor, column: tf.Tensor, owner: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        mover = tf.gather(search.before, column, batch_dims=1)
        at = tf.one_hot(column, columns, on_value=True, off_value=False)
        # The column that the row leaves becomes free for the previous row.
        owned = tf.equal(owner, mover[:, tf.newaxis])
        left = tf.argmax(tf.cast(owned, tf.int32), axis=1, output_type=tf.int32)
        owner = tf.where(active[:, tf.newaxis] & at, mover[:, tf.newaxis], owner)
        return active & (mover != row), tf.where(active, left, column), owner

    return tf.while_loop(
        lambda active, *_: tf.reduce_any(active),
        step,
        (wanted, search.column, owner),
    )[2]


def _choose(condition: tf.Tensor, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    """Returns `yes` for the matrices where the condition holds, else `no`."""
    if yes.shape.rank == 2:
        condition = condition[:, tf.newaxis]
    return tf.where(condition, yes, no)
