"""Matching of predicted masks with ground-truth masks, shared by the mask losses.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The matching maximises the sum of mask similarity
times class probability. Ground-truth masks beyond the number of slots are left out; the
published code assigns them to slots that do not exist.
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
    """Ground-truth masks as targets of the slots they are matched with; no gradients.

    Unless noted otherwise, values of unmatched slots are 0.
    """

    targets: MaskTargets
    # [b, pixels] int32, the slot that should cover a pixel; -1 for none.
    slot: tf.Tensor
    # [b, slots] bool, whether the slot is matched with a ground-truth mask.
    is_matched: tf.Tensor
    # [b, slots] int32, channel of that mask's class; "no object" for unmatched slots.
    channel: tf.Tensor
    # [b, slots] float32, area of that mask in pixels.
    area: tf.Tensor
    # [b, slots] float32, 0 to 1, Dice similarity of the predicted mask and that mask.
    similarity: tf.Tensor
    # [b, slots] float32, 0 to 1, predicted probability of that mask's class.
    class_prob: tf.Tensor
    # [b, slots] float32, 0 to 1, share of the predicted mask on void, for all slots.
    void_share: tf.Tensor


@dataclass(frozen=True)
class MaskMatching:
    """Matches the predicted masks of a batch with the ground truth.

    Attributes:
      layout: order of the mask classes.
    """

    layout: MaskLayout

    def __call__(self, example: Example, output: MaskOutput) -> MatchedMasks:
        """Returns the targets of all slots.

        Args:
          example: the batch, with thing masks.
          output: the final output of the model.

        Raises:
          ValueError: the number of class logits does not fit the data set.
        """
        class_logits = tf.cast(output.transformer_class_logits, tf.float32)
        if class_logits.shape[2] != self.layout.num_classes + 1:
            raise ValueError(
                f"transformer_class_logits have {class_logits.shape[2]} channels, but "
                f"the data set has {self.layout.num_classes} classes, plus one channel "
                'for "no object"'
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
        # Inverts the assignment: from the slot of each mask to the mask of each slot.
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
    """Returns the probability of each mask's class in each slot, [b, masks, slots].

    Args:
      probs: [b, slots, classes + 1].
      channel: [b, masks], -1 for absent masks, whose probability is 0.
    """
    by_class = tf.transpose(probs, [0, 2, 1])
    chosen = tf.gather(by_class, tf.maximum(channel, 0), batch_dims=1)
    return tf.where((channel >= 0)[:, :, tf.newaxis], chosen, 0.0)


def _without_gradient(values: Any) -> Any:
    return tf.nest.map_structure(tf.stop_gradient, values)
