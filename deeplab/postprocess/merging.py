"""Majority vote: merges a semantic map and class-agnostic instances into one map.

DeeperLab: Single-Shot Image Parser, T.-J. Yang et al., arXiv:1902.05093,
https://arxiv.org/abs/1902.05093. The results are those of the compiled operation in the
published code, with two differences. It numbers the instances of a class in the order
of a hash table; here they are numbered from the last centre to the first, which is the
same order for few instances. Instances beyond the number that the label divisor allows
become void; there they spill into the next class.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.labels import LabelSpace


def merge_maps(
    semantic: tf.Tensor,
    instance: tf.Tensor,
    *,
    max_instance: int | tf.Tensor,
    labels: LabelSpace,
    stuff_area_limit: int,
) -> tf.Tensor:
    """Merges a semantic and an instance map into a panoptic map.

    All thing pixels of an instance get the thing class that most of them have; on a
    tie, the lowest class id.

    Args:
      semantic: [b, h, w] int32, 0 to `labels.num_classes - 1`.
      instance: [b, h, w] int32, 0 to `max_instance`; 0 outside things.
      max_instance: upper bound of the instance ids.
      labels: meaning of the labels.
      stuff_area_limit: a stuff class that covers at most this many pixels of an image
        becomes void; 0 keeps all.

    Returns:
      [b, h, w] int32 panoptic labels.
    """
    # The label of a pixel depends only on its code: count the codes, assign a label to
    # each code, and look it up.
    shape = tf.shape(semantic)
    num_classes = labels.num_classes
    codes = (max_instance + 1) * num_classes
    code = tf.reshape(instance * num_classes + semantic, [shape[0], -1])
    areas = tf.reshape(
        tf.raw_ops.DenseBincount(
            input=code, size=codes, weights=tf.zeros([0], tf.int32)
        ),
        [shape[0], max_instance + 1, num_classes],
    )
    is_thing = tf.constant([c in labels.thing_ids for c in range(num_classes)])
    things = _label_instances(tf.where(is_thing, areas, 0), labels)
    stuff = labels.encode(tf.range(num_classes), 0)
    if stuff_area_limit > 0:
        stuff = tf.where(areas[:, :1] <= stuff_area_limit, labels.void, stuff)
    table = tf.where(is_thing, tf.expand_dims(things, -1), stuff)
    table = tf.reshape(table, [shape[0], codes])
    return tf.reshape(tf.gather(table, code, batch_dims=1), shape)


def _label_instances(votes: tf.Tensor, labels: LabelSpace) -> tf.Tensor:
    """Returns [b, n] int32 labels of instances with [b, n, classes] int32 votes."""
    majority = tf.argmax(votes, axis=-1, output_type=tf.int32)
    exists = tf.reduce_sum(votes, axis=-1) > 0
    of_class = tf.one_hot(
        tf.where(exists, majority, -1), votes.shape[-1], dtype=tf.int32
    )
    number = tf.reduce_sum(of_class * tf.cumsum(of_class, axis=1, reverse=True), -1)
    return tf.where(
        number <= labels.max_instances,
        labels.encode(majority, number),
        labels.void,
    )
