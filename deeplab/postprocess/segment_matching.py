"""Segments of two maps that are each other's best match."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from deeplab.core.labels import LabelSpace


class Matches(NamedTuple):
    """The `n` labels of a map and their matches in another map."""

    # [n] int32, in the order in which they appear in the map.
    labels: tf.Tensor
    # [n] int32, the matching label of the other map, -1 if there is none.
    partners: tf.Tensor
    # [h, w] int32, index of each pixel in `labels`.
    index: tf.Tensor


def mutual_matches(
    panoptic: tf.Tensor, other: tf.Tensor, labels: LabelSpace
) -> Matches:
    """Pairs instances of the same class that overlap most with each other.

    Overlap is intersection over union; ties go to the pair with the higher label in
    `other`, then to that with the higher label in `panoptic`.

    Args:
      panoptic: [h, w] int32 labels.
      other: [h, w] int32 labels.
      labels: meaning of the labels.

    Returns:
      The labels of `panoptic` with their partners in `other`, one to one.
    """
    ours, our_index, our_area = tf.unique_with_counts(tf.reshape(panoptic, [-1]))
    theirs, their_index, their_area = tf.unique_with_counts(tf.reshape(other, [-1]))
    count, their_count = tf.shape(ours)[0], tf.shape(theirs)[0]
    # int64, because there may be as many labels as pixels.
    stride = tf.cast(their_count, tf.int64)
    code = tf.cast(our_index, tf.int64) * stride + tf.cast(their_index, tf.int64)
    pairs, _, shared = tf.unique_with_counts(code)
    i = tf.cast(pairs // stride, tf.int32)
    j = tf.cast(tf.math.floormod(pairs, stride), tf.int32)
    class_i, number_i = labels.decode(tf.gather(ours, i))
    class_j, number_j = labels.decode(tf.gather(theirs, j))
    are_candidates = (class_i == class_j) & (number_i != 0) & (number_j != 0)
    i, j, shared = (tf.boolean_mask(v, are_candidates) for v in (i, j, shared))

    union = tf.gather(our_area, i) + tf.gather(their_area, j) - shared
    overlap = tf.cast(shared, tf.float64) / tf.cast(union, tf.float64)
    order = tf.argsort(tf.gather(ours, i), stable=True)
    for key in (tf.gather(theirs, j), overlap):
        order = tf.gather(order, tf.argsort(tf.gather(key, order), stable=True))
    i, j = tf.gather(i, order), tf.gather(j, order)
    rank = tf.range(tf.shape(i)[0])
    best_of_i = tf.gather(tf.math.unsorted_segment_max(rank, i, count), i)
    best_of_j = tf.gather(tf.math.unsorted_segment_max(rank, j, their_count), j)
    is_mutual = (rank == best_of_i) & (rank == best_of_j)
    partners = tf.tensor_scatter_nd_update(
        tf.fill([count], -1),
        tf.boolean_mask(i, is_mutual)[:, tf.newaxis],
        tf.gather(theirs, tf.boolean_mask(j, is_mutual)),
    )
    return Matches(ours, partners, tf.reshape(our_index, tf.shape(panoptic)))
