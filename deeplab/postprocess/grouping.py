"""Pixel grouping: each pixel is assigned to the centre nearest to where it points.

There are two methods with equal results. Under XLA, every pixel is compared with every
centre, which has static shapes and compiles to one loop. Elsewhere, a grid over the
image determines the cells in which one centre is nearest to all points, and only pixels
that point to other cells are compared.

Distances are squared; differences are in float32, their squares in float64. Products of
two float32 numbers are exact in float64, so that a fused multiply-add changes nothing
and both methods agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from deeplab.postprocess.centers import Centers

# Side of a grid cell in pixels; a power of two, so that dividing by it is exact.
_CELL = 8


class _Points(NamedTuple):
    """Positions in an image: rows and columns, float32, in pixels."""

    y: tf.Tensor
    x: tf.Tensor


# Index of a centre, from 0 -> its position, which broadcasts to the points.
_CenterAt = Callable[[tf.Tensor], _Points]


def nearest_center(
    centers: Centers, offsets: tf.Tensor, is_thing: tf.Tensor, *, static_shapes: bool
) -> tf.Tensor:
    """Returns the number of the nearest centre, from 1, for each thing pixel.

    Args:
      centers: the centres of each image.
      offsets: [b, h, w, 2] float32, (dy, dx) in pixels.
      is_thing: [b, h, w] bool.
      static_shapes: whether shapes must not depend on values, as under XLA.

    Returns:
      [b, h, w] int32, 0 outside things and in images without centres. If several
      centres are equally near, the first one is returned.
    """
    shape = tf.shape(is_thing)
    dy, dx = tf.unstack(offsets, axis=-1)
    points = _Points(
        dy + tf.expand_dims(tf.range(tf.cast(shape[1], tf.float32)), 1),
        dx + tf.range(tf.cast(shape[2], tf.float32)),
    )
    places = _places(centers.position, shape)
    if static_shapes:
        most = tf.reduce_max(centers.count)
        number = _nearest(_per_image(places), most, points)
    else:
        number = _nearest_by_grid(places, centers.count, points, is_thing)
    number = tf.minimum(number, tf.reshape(centers.count, [-1, 1, 1]))
    return tf.where(is_thing, number, 0)


def _places(position: tf.Tensor, shape: tf.Tensor) -> _Points:
    """Returns the [b, k] positions of centres; padding is infinitely far away."""
    row = tf.cast(position // shape[2], tf.float32)
    column = tf.cast(tf.math.floormod(position, shape[2]), tf.float32)
    return _Points(tf.where(position < shape[1] * shape[2], row, float("inf")), column)


def _per_image(places: _Points) -> _CenterAt:
    """Returns the centres of each image, shaped to broadcast to its pixels."""
    return lambda i: _Points(*(tf.reshape(p[:, i], [-1, 1, 1]) for p in places))


def _distance(center: _Points, points: _Points) -> tf.Tensor:
    """Returns the squared distances in float64."""
    dy = tf.cast(center.y - points.y, tf.float64)
    dx = tf.cast(center.x - points.x, tf.float64)
    return dy * dy + dx * dx


def _nearest(center_at: _CenterAt, count: tf.Tensor, points: _Points) -> tf.Tensor:
    """Returns the number, from 1, of the nearest of `count` centres, as int32.

    If several are equally near, it is the first one.
    """

    def step(i, least, number):
        distance = _distance(center_at(i), points)
        nearer = distance < least
        least = tf.where(nearer, distance, least)
        return i + 1, least, tf.where(nearer, i + 1, number)

    far = tf.zeros_like(points.y, tf.float64) + float("inf")
    start = (0, far, tf.ones_like(points.y, tf.int32))
    return tf.while_loop(lambda i, *_: i < count, step, start)[2]


def _nearest_by_grid(
    places: _Points, count: tf.Tensor, points: _Points, wanted: tf.Tensor
) -> tf.Tensor:
    """Returns the result of `_nearest` where `wanted`, arbitrary values elsewhere."""
    shape = tf.shape(wanted)
    grid = _nearest_by_cell(places, count, shape)
    cells = tf.shape(grid)
    row = tf.clip_by_value(_cell(points.y), 0, cells[1] - 1)
    column = tf.clip_by_value(_cell(points.x), 0, cells[2] - 1)
    cell = tf.reshape(row * cells[2] + column, [shape[0], -1])
    number = tf.gather(tf.reshape(grid, [shape[0], -1]), cell, batch_dims=1)
    number = tf.reshape(number, [-1])

    undecided = tf.where((number == 0) & tf.reshape(wanted, [-1]))
    image = tf.cast(tf.squeeze(undecided, 1), tf.int32) // (shape[1] * shape[2])
    compared = _nearest(
        lambda i: _Points(*(tf.gather(p[:, i], image) for p in places)),
        tf.reduce_max(count),
        _Points(*(tf.gather_nd(tf.reshape(p, [-1]), undecided) for p in points)),
    )
    return tf.reshape(tf.tensor_scatter_nd_update(number, undecided, compared), shape)


def _cell(coordinate: tf.Tensor) -> tf.Tensor:
    # The first and the last cell are outside the image.
    return tf.cast(tf.floor(coordinate * (1.0 / _CELL)), tf.int32) + 1


def _nearest_by_cell(places: _Points, count: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Returns the centre that is nearest to all points of a grid cell, for each cell.

    The difference of the squared distances to two centres is linear in the point: in
    a cell, it is at least its value in the middle minus half the side times the slopes.

    Args:
      places: [b, k] positions of the centres.
      count: [b] int32, number of centres without the padding.
      shape: [3] int32, batch, height and width.

    Returns:
      [b, rows, columns] int32, numbers from 1; 0 where no single centre is nearest to
      all points, and in the border of cells around the image.
    """
    size = tf.cast((shape - 1) // _CELL + 1, tf.float32)
    middle = _Points(
        *tf.meshgrid(
            (tf.range(size[1]) + 0.5) * _CELL,
            (tf.range(size[2]) + 0.5) * _CELL,
            indexing="ij",
        )
    )
    # One grid per image.
    middle = _Points(*(p + tf.zeros([shape[0], 1, 1]) for p in middle))
    most = tf.reduce_max(count)
    center_at = _per_image(places)
    number = _nearest(center_at, most, middle)
    best = _Points(*(tf.gather(p, number - 1, batch_dims=1) for p in places))
    least = _distance(best, middle)

    def step(i, alone):
        rival = center_at(i)
        distance = _distance(rival, middle)
        slope = tf.abs(rival.y - best.y) + tf.abs(rival.x - best.x)
        lead = distance - least - _CELL * tf.cast(slope, tf.float64)
        # Bounds the rounding errors of the float32 coordinates.
        margin = 1e-6 * (distance + least) + 1e-3
        absent = tf.reshape(i >= count, [-1, 1, 1])
        return i + 1, alone & ((lead > margin) | (i + 1 == number) | absent)

    start = (0, tf.ones_like(number, tf.bool))
    alone = tf.while_loop(lambda i, _: i < most, step, start)[1]
    return tf.pad(tf.where(alone, number, 0), [[0, 0], [1, 1], [1, 1]])
