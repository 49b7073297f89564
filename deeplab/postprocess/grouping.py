"""Pixel grouping: each pixel belongs to the centre nearest to where it points.

Two ways to the same numbers. Comparing every pixel with every centre has fixed shapes
and becomes one loop under XLA. Elsewhere a grid over the image knows for most cells
that one centre is nearest to all its points, and only pixels that point to the other
cells are compared.

Distances are squared, with the differences in float32 and their squares in float64:
products of float32 are exact there, so that a fused multiply-add changes nothing and
both ways agree in every bit.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from deeplab.postprocess.centers import Centers

# Side of a grid cell in pixels; a power of two, so that dividing by it is exact.
_CELL = 8

# Rows and columns, float32, in pixels.
_Point = tuple[tf.Tensor, tf.Tensor]
_CenterAt = Callable[[tf.Tensor], _Point]


def nearest_center(
    centers: Centers, offsets: tf.Tensor, is_thing: tf.Tensor, *, static_shapes: bool
) -> tf.Tensor:
    """Returns for each thing pixel the number of its centre, from 1.

    Args:
      centers: the centres of each image.
      offsets: [b, h, w, 2] float32, (dy, dx) in pixels.
      is_thing: [b, h, w] bool.
      static_shapes: whether shapes must not depend on values, as under XLA.

    Returns:
      [b, h, w] int32, 0 outside things and where an image has no centre. The first
      centre wins where several are equally near.
    """
    shape = tf.shape(is_thing)
    rows, columns = _coordinates(centers.position, shape)
    y = offsets[..., 0] + tf.cast(tf.range(shape[1]), tf.float32)[:, tf.newaxis]
    x = offsets[..., 1] + tf.cast(tf.range(shape[2]), tf.float32)
    if static_shapes:
        number = _nearest(_per_image(rows, columns), tf.shape(rows)[1], (y, x))
    else:
        number = _nearest_by_grid(rows, columns, centers.count, (y, x), is_thing)
    number = tf.minimum(number, centers.count[:, tf.newaxis, tf.newaxis])
    return tf.where(is_thing, number, 0)


def _coordinates(position: tf.Tensor, shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns [b, k] float32 rows and columns; the padding is infinitely far away."""
    row = tf.where(
        position < shape[1] * shape[2],
        tf.cast(position // shape[2], tf.float32),
        float("inf"),
    )
    return row, tf.cast(position % shape[2], tf.float32)


def _distance(center: _Point, point: _Point) -> tf.Tensor:
    """Returns squared distances in float64."""
    dy = tf.cast(center[0] - point[0], tf.float64)
    dx = tf.cast(center[1] - point[1], tf.float64)
    return dy * dy + dx * dx


def _per_image(rows: tf.Tensor, columns: tf.Tensor) -> _CenterAt:
    """Returns i -> [b, 1, 1] coordinates of the i-th centre of each image."""
    return lambda i: (
        rows[:, i, tf.newaxis, tf.newaxis],
        columns[:, i, tf.newaxis, tf.newaxis],
    )


def _nearest(center_at: _CenterAt, count: tf.Tensor, point: _Point) -> tf.Tensor:
    """Returns the number, from 1, of the centre that is nearest to each point.

    Args:
      center_at: i -> coordinates of the i-th centre, broadcast to the points.
      count: how many centres there are.
      point: coordinates of the points.

    Returns:
      int32 of the shape of the points.
    """

    def step(i, least, number):
        distance = _distance(center_at(i), point)
        nearer = distance < least
        least = tf.where(nearer, distance, least)
        return i + 1, least, tf.where(nearer, i + 1, number)

    far = tf.zeros_like(point[0], tf.float64) + float("inf")
    start = (0, far, tf.ones_like(point[0], tf.int32))
    return tf.while_loop(lambda i, *_: i < count, step, start)[2]


def _nearest_by_grid(
    rows: tf.Tensor,
    columns: tf.Tensor,
    count: tf.Tensor,
    point: _Point,
    wanted: tf.Tensor,
) -> tf.Tensor:
    """Returns [b, h, w] what `_nearest` does where `wanted`, anything elsewhere."""
    shape = tf.shape(wanted)
    grid = _unrivalled(rows, columns, count, shape)
    cells = tf.shape(grid)
    row = tf.clip_by_value(_cell(point[0]), 0, cells[1] - 1)
    column = tf.clip_by_value(_cell(point[1]), 0, cells[2] - 1)
    number = tf.reshape(
        tf.gather(
            tf.reshape(grid, [shape[0], -1]),
            tf.reshape(row * cells[2] + column, [shape[0], -1]),
            batch_dims=1,
        ),
        [-1],
    )
    left = tf.where((number == 0) & tf.reshape(wanted, [-1]))
    image = tf.cast(left[:, 0], tf.int32) // (shape[1] * shape[2])
    compared = _nearest(
        lambda i: (tf.gather(rows[:, i], image), tf.gather(columns[:, i], image)),
        tf.shape(rows)[1],
        tuple(tf.gather_nd(tf.reshape(p, [-1]), left) for p in point),
    )
    return tf.reshape(tf.tensor_scatter_nd_update(number, left, compared), shape)


def _cell(coordinate: tf.Tensor) -> tf.Tensor:
    # Cell 0 and the last one lie outside the image.
    return tf.cast(tf.floor(coordinate * (1.0 / _CELL)), tf.int32) + 1


def _unrivalled(
    rows: tf.Tensor, columns: tf.Tensor, count: tf.Tensor, shape: tf.Tensor
) -> tf.Tensor:
    """Returns for each grid cell the centre that is nearest to all its points.

    The difference of the squared distances to two centres is linear in the point: in
    a cell it is at least its value in the middle less half the side times the slopes.

    Returns:
      [b, rows, columns] int32, numbers from 1; 0 where no centre is nearest to all
      points, and in a ring of cells around the image.
    """
    size = (shape[1:] - 1) // _CELL + 1
    middle = [
        (tf.cast(tf.range(n), tf.float32) + 0.5) * _CELL for n in (size[0], size[1])
    ]
    y, x = tf.meshgrid(*middle, indexing="ij")
    point = tuple(tf.tile(p[tf.newaxis], [shape[0], 1, 1]) for p in (y, x))
    center_at = _per_image(rows, columns)
    number = _nearest(center_at, tf.shape(rows)[1], point)
    best = tuple(tf.gather(c, number - 1, batch_dims=1) for c in (rows, columns))
    least = _distance(best, point)

    def step(i, alone):
        rival = center_at(i)
        distance = _distance(rival, point)
        slope = tf.abs(rival[0] - best[0]) + tf.abs(rival[1] - best[1])
        lead = distance - least - _CELL * tf.cast(slope, tf.float64)
        # What float32 coordinates leave uncertain.
        margin = 1e-6 * (distance + least) + 1e-3
        absent = i >= count[:, tf.newaxis, tf.newaxis]
        return i + 1, alone & ((lead > margin) | (i + 1 == number) | absent)

    start = (0, tf.ones_like(number, tf.bool))
    alone = tf.while_loop(lambda i, _: i < tf.shape(rows)[1], step, start)[1]
    return tf.pad(tf.where(alone, number, 0), [[0, 0], [1, 1], [1, 1]])
