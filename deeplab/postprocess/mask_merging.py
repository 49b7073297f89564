"""Steps that both mask post-processors share: mask classes, and the final map."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from deeplab.core.labels import LabelSpace


class MaskClasses(NamedTuple):
    """The class of each mask."""

    # [b, slots] int32, position in the list of thing classes, then stuff classes.
    channel: tf.Tensor
    # [b, slots] float32, 0 to 1, probability of that class.
    confidence: tf.Tensor


class MaskRegions(NamedTuple):
    """Which mask covers which pixel."""

    # [b, h, w] int32, number of the pixel's mask, from 0.
    index: tf.Tensor
    # [b, h, w] bool, False where no mask is confident enough.
    covered: tf.Tensor
    # [b, slots] int32, mask number -> its `MaskClasses.channel`.
    channel: tf.Tensor
    # [b, h, w] float32, confidence of the mask at the pixel.
    instance_scores: tf.Tensor
    # [b, h, w] float32, class confidence of the mask.
    semantic_scores: tf.Tensor


def classify_masks(class_logits: tf.Tensor) -> MaskClasses:
    """Returns the most probable class of each mask, excluding "no object".

    Args:
      class_logits: [b, slots, classes + 1], "no object" last.
    """
    probs = tf.nn.softmax(tf.cast(class_logits, tf.float32))[:, :, :-1]
    return MaskClasses(
        tf.argmax(probs, axis=-1, output_type=tf.int32), tf.reduce_max(probs, axis=-1)
    )


def no_regions(regions: MaskRegions, found: tf.Tensor) -> MaskRegions:
    """Removes all regions from the images where `found`, [b] bool, is False."""
    found = tf.reshape(found, [-1, 1, 1])
    return regions._replace(
        index=tf.where(found, regions.index, 0),
        covered=regions.covered & found,
        instance_scores=tf.where(found, regions.instance_scores, 0.0),
        semantic_scores=tf.where(found, regions.semantic_scores, 0.0),
    )


def merge_masks(
    regions: MaskRegions,
    *,
    labels: LabelSpace,
    thing_area_limit: int,
    stuff_area_limit: int,
) -> tf.Tensor:
    """Merges masks into a panoptic map: one segment per thing and per stuff class.

    Args:
      regions: the masks; the instance id of a thing is the number of its mask plus 1.
      labels: meaning of the labels; the channels are its things, then its stuff.
      thing_area_limit: things with fewer pixels become void.
      stuff_area_limit: stuff classes with fewer pixels in an image become void.

    Returns:
      [b, h, w] int32 panoptic labels.
    """
    # The label of a pixel depends only on its mask number: count, label, look up.
    shape = tf.shape(regions.index)
    slots = tf.shape(regions.channel)[1]
    code = tf.where(regions.covered, regions.index, slots)
    code = tf.reshape(code, [shape[0], -1])
    areas = tf.raw_ops.DenseBincount(
        input=code, size=slots + 1, weights=tf.zeros([0], tf.int32)
    )[:, :-1]
    channel = regions.channel
    class_ids = (*labels.thing_ids, *labels.stuff_ids)
    is_thing = channel < len(labels.thing_ids)
    of_class = tf.one_hot(channel, len(class_ids), dtype=tf.int32)
    class_areas = tf.reduce_sum(of_class * tf.expand_dims(areas, -1), axis=1)
    stuff_areas = tf.gather(class_areas, channel, batch_dims=1)
    number = tf.where(is_thing, tf.range(1, slots + 1), 0)
    kept = tf.where(
        is_thing, areas >= thing_area_limit, stuff_areas >= stuff_area_limit
    ) & (number <= labels.max_instances)
    class_id = tf.gather(tf.constant(class_ids, tf.int32), channel)
    table = tf.where(kept, labels.encode(class_id, number), labels.void)
    table = tf.pad(table, [[0, 0], [0, 1]], constant_values=labels.void)
    return tf.reshape(tf.gather(table, code, batch_dims=1), shape)
