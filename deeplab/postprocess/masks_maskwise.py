"""Mask-wise merging: whole masks are pasted one by one, the most confident first.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. The time depends only on the number of masks whose
class is confident enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from deeplab.postprocess.mask_merging import MaskClasses, MaskRegions, no_regions


@dataclass(frozen=True)
class MaskwiseOptions:
    """Which masks are pasted, and in which order.

    Attributes:
      thing_threshold: minimum class confidence of a thing.
      stuff_threshold: minimum class confidence of stuff.
      overlap_threshold: a mask is pasted if the share of it that is not yet covered
        exceeds this.
      class_power: exponent of the class confidence in the score that sets the order.
      mask_power: exponent of the mean mask probability in that score.
      pixel_threshold: a mask consists of the pixels where its probability exceeds this.
    """

    thing_threshold: float = 0.7
    stuff_threshold: float = 0.7
    overlap_threshold: float = 0.5
    class_power: float = 1.0
    mask_power: float = 0.0
    pixel_threshold: float = 0.4


class _Ranked(NamedTuple):
    """Masks in the order in which they are pasted; all tensors are [b, slots]."""

    slot: tf.Tensor
    channel: tf.Tensor
    confidence: tf.Tensor
    # Whether the class is confident enough.
    counts: tf.Tensor


def maskwise_regions(
    coarse_logits: tf.Tensor,
    logits: tf.Tensor,
    classes: MaskClasses,
    *,
    num_thing_classes: int,
    options: MaskwiseOptions,
) -> MaskRegions:
    """Returns the regions of the masks, numbered by rank.

    Args:
      coarse_logits: [b, h', w', slots] float32, mask logits at the stride of the masks,
        for the mean probability of each mask.
      logits: [b, h, w, slots] float32, the same logits at the size of the result.
      classes: classes of the masks.
      num_thing_classes: number of thing classes, which are the first channels.
      options: which masks are pasted, and in which order.
    """
    ranked = _rank(coarse_logits, classes, num_thing_classes, options)
    probs = tf.nn.softmax(logits)
    shape = tf.shape(probs)
    # Each mask is contiguous in memory, as masks are read one by one. Transposing
    # floats is three times as fast as transposing bools.
    planes = tf.transpose(probs, [0, 3, 1, 2]) > options.pixel_threshold
    planes = tf.reshape(planes, [shape[0], shape[3], shape[1] * shape[2]])
    painted = _paste(planes, ranked, options.overlap_threshold)
    painted = tf.reshape(painted, shape[:3])
    index = tf.maximum(painted - 1, 0)
    covered = painted > 0
    regions = MaskRegions(
        index=index,
        covered=covered,
        channel=ranked.channel,
        instance_scores=tf.reduce_max(probs, axis=-1),
        semantic_scores=tf.where(
            covered, tf.gather(ranked.confidence, index, batch_dims=1), 0.0
        ),
    )
    lowest = min(options.thing_threshold, options.stuff_threshold)
    return no_regions(regions, tf.reduce_any(classes.confidence >= lowest, axis=1))


def _rank(
    coarse_logits: tf.Tensor,
    classes: MaskClasses,
    num_thing_classes: int,
    options: MaskwiseOptions,
) -> _Ranked:
    probs = tf.nn.softmax(coarse_logits)
    sure = tf.cast(probs > options.pixel_threshold, tf.float32)
    mean = tf.math.divide_no_nan(
        tf.reduce_sum(probs * sure, axis=[1, 2]), tf.reduce_sum(sure, axis=[1, 2])
    )
    score = classes.confidence**options.class_power * mean**options.mask_power
    order = tf.argsort(score, direction="DESCENDING", stable=True)
    channel = tf.gather(classes.channel, order, batch_dims=1)
    confidence = tf.gather(classes.confidence, order, batch_dims=1)
    threshold = tf.where(
        channel < num_thing_classes, options.thing_threshold, options.stuff_threshold
    )
    return _Ranked(order, channel, confidence, confidence >= threshold)


def _paste(planes: tf.Tensor, ranked: _Ranked, overlap_threshold: float) -> tf.Tensor:
    """Returns the rank, from 1, of the mask at each pixel, or 0; [b, pixels] int32.

    Args:
      planes: [b, slots, pixels] bool, the pixels of each mask.
      ranked: the order of the masks.
      overlap_threshold: see `MaskwiseOptions`.
    """
    # The ranks of confident masks come first, in their order.
    ranks = tf.argsort(tf.cast(tf.logical_not(ranked.counts), tf.int32), stable=True)
    counts = tf.math.count_nonzero(ranked.counts, axis=1, dtype=tf.int32)
    slots = tf.gather(ranked.slot, ranks, batch_dims=1)

    def step(turn: tf.Tensor, painted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mask = tf.gather(planes, slots[:, turn], batch_dims=1)
        fresh = mask & (painted == 0)
        area, left = (
            tf.math.count_nonzero(m, axis=1, dtype=tf.float32) for m in (mask, fresh)
        )
        accepted = (turn < counts) & (left > area * overlap_threshold)
        rank = ranks[:, turn, tf.newaxis]
        painted = tf.where(fresh & accepted[:, tf.newaxis], rank + 1, painted)
        return turn + 1, painted

    empty = tf.zeros([tf.shape(planes)[0], tf.shape(planes)[2]], tf.int32)
    return tf.while_loop(
        lambda turn, _: turn < tf.reduce_max(counts), step, (0, empty)
    )[1]
