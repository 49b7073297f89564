"""Which predicted mask stands for which true one; shared by the mask losses.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. Masks are matched so that the sum of the products of
mask similarity and class probability is highest. True masks beyond the number of slots
take no part; the published code gives them to slots that do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from deeplab.core.structures import Example, MaskOutput
from deeplab.losses.mask_targets import MaskLayout, MaskTargets
from deeplab.ops.masks import (
    area_ratio,
    dice_similarity,
    flat_pixels,
    known_size,
    shared_area,
)
from deeplab.ops.matching import assign_rows
from deeplab.ops.resize import spatial_size


class MatchedMasks(NamedTuple):
    """True masks as targets of the slots they are matched with. No gradients."""

    targets: MaskTargets
    # [b, pixels] int32, the slot that should cover a pixel; -1 for none.
    slot: tf.Tensor
    # [b, slots] bool, whether the slot has a true mask.
    is_matched: tf.Tensor
    # [b, slots] int32, channel of the class of that mask; "no object" without one.
    channel: tf.Tensor
    # [b, slots] float32, area of that mask in pixels; 0 without one.
    area: tf.Tensor
    # [b, slots] float32, 0 to 1, Dice similarity of the slot and its mask, 0 without.
    similarity: tf.Tensor
    # [b, slots] float32, 0 to 1, probability of the class of that mask, 0 without one.
    class_prob: tf.Tensor
    # [b, slots] float32, 0 to 1, share of the slot's mask that lies on void.
    void_share: tf.Tensor


@dataclass(frozen=True)
class MaskMatching:
    """Matches the masks of a batch.

    Attributes:
      layout: order of the classes.
    """

    layout: MaskLayout

    def __call__(self, example: Example, output: MaskOutput) -> MatchedMasks:
        """Returns the targets of all slots.

        Args:
          example: the batch, with masks of things.
          output: the final output of the model.

        Raises:
          ValueError: the classes are not those of the data set.
        """
        class_logits = tf.cast(output.transformer_class_logits, tf.float32)
        if class_logits.shape[2] != self.layout.num_classes + 1:
            raise ValueError(
                f"transformer_class_logits have {class_logits.shape[2]} channels, but "
                f"the data set has {self.layout.num_classes} classes, and one is for "
                "masks without object"
            )
        size = spatial_size(output.pixel_space_mask_logits)
        targets = self.layout.targets(example, size)
        probs = tf.nn.softmax(flat_pixels(output.pixel_space_mask_logits))
        valid = tf.cast(tf.logical_not(targets.is_void), tf.float32)[:, :, tf.newaxis]
        there = targets.area > 0
        similarity = dice_similarity(
            shared_area(targets.number, known_size(targets.area, 1), probs),
            targets.area[:, :, tf.newaxis],
            tf.reduce_sum(probs * valid, axis=1, keepdims=True),
        )
        class_prob = _probability_of(tf.nn.softmax(class_logits), targets.channel)
        column = assign_rows(-similarity * class_prob, there)
        # From the slot of each mask to the mask of each slot.
        pairs = tf.one_hot(column, known_size(class_logits, 1))
        is_matched = tf.reduce_max(pairs, axis=1) > 0

        def of_slot(values: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(pairs * values, axis=1)

        channel = tf.cast(of_slot(_columns(targets.channel)), tf.int32)
        slot = tf.gather(column, tf.maximum(targets.number, 0), batch_dims=1)
        matched = MatchedMasks(
            targets=targets,
            slot=tf.where(targets.number >= 0, slot, -1),
            is_matched=is_matched,
            channel=tf.where(is_matched, channel, self.layout.num_classes),
            area=of_slot(_columns(targets.area)),
            similarity=of_slot(similarity),
            class_prob=of_slot(class_prob),
            void_share=area_ratio(
                tf.reduce_sum(probs * (1.0 - valid), axis=1),
                tf.reduce_sum(probs, axis=1),
            ),
        )
        return _without_gradient(matched)


def _columns(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)[:, :, tf.newaxis]


def _probability_of(probs: tf.Tensor, channel: tf.Tensor) -> tf.Tensor:
    """Returns [b, masks, slots]: how sure each slot is of the class of each mask.

    Args:
      probs: [b, slots, classes + 1].
      channel: [b, masks], -1 for masks that are not there, which get 0.
    """
    by_class = tf.transpose(probs, [0, 2, 1])
    chosen = tf.gather(by_class, tf.maximum(channel, 0), batch_dims=1)
    return tf.where((channel >= 0)[:, :, tf.newaxis], chosen, 0.0)


def _without_gradient(values: Any) -> Any:
    return tf.nest.map_structure(tf.stop_gradient, values)
