"""The PQ-style loss: classes and masks of matched slots, each weighted by the other.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759, equations 8 to 10.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import MaskOutput
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, PreparedTerm, TermOptions, check_options
from deeplab.losses.mask_matching import MaskMatching, MatchedMasks
from deeplab.losses.mask_targets import MaskLayout
from deeplab.ops.masks import flat_pixels, known_size
from deeplab.ops.sampling import top_k_mean

# Minimum weight of a slot: a weight of 0 would exclude it from the mean.
_MIN_WEIGHT = 1e-5


class PQStyle(PreparedTerm):
    """Cross entropy of classes, and 1 - Dice coefficient of masks.

    The class term of a matched slot is weighted by the similarity of the masks, that of
    any other slot by the share of its mask that is on void. The mask term is weighted
    by the probability of the class.
    """

    parts = ("_class_term", "_mask_dice_term")

    def __init__(self, matching: MaskMatching, *, positive_share: float = 0.75):
        """Makes the term.

        Args:
          matching: matches slots with ground-truth masks.
          positive_share: factor of matched slots, 0 to 1; the class term of the other
            slots gets the rest.
        """
        self.prepare = matching
        self._positive_share = positive_share

    def compute(
        self, targets: MatchedMasks, output: MaskOutput
    ) -> tuple[tf.Tensor, ...]:
        """Returns the class term and the mask term; see `PreparedTerm`."""
        return self._class_term(targets, output), self._mask_term(targets, output)

    def _class_term(self, matched: MatchedMasks, output: MaskOutput) -> tf.Tensor:
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=matched.channel,
            logits=tf.cast(output.transformer_class_logits, tf.float32),
        )
        share = self._positive_share
        weight = tf.where(
            matched.is_matched,
            share * tf.maximum(matched.similarity, _MIN_WEIGHT),
            (1.0 - share) * tf.maximum(matched.void_share, _MIN_WEIGHT),
        )
        return top_k_mean(entropy * weight)

    def _mask_term(self, matched: MatchedMasks, output: MaskOutput) -> tf.Tensor:
        probs = tf.nn.softmax(flat_pixels(output.pixel_space_mask_logits))
        slots = known_size(probs, 2)
        own = tf.reduce_sum(probs * tf.one_hot(matched.slot, slots), axis=1)
        labelled = tf.cast(matched.targets.number >= 0, tf.float32)
        area = tf.reduce_sum(probs * labelled[:, :, tf.newaxis], axis=1)
        # Plus 1: a missing mask that is not predicted either is a perfect match.
        dice = (2.0 * own + 1.0) / (area + matched.area + 1.0)
        weight = tf.where(
            matched.is_matched, tf.maximum(matched.class_prob, _MIN_WEIGHT), 0.0
        )
        # The mean is over all slots, as in the class term.
        factor = self._positive_share / slots
        return factor * tf.reduce_sum((1.0 - dice) * weight, axis=1)


@LOSSES.register("pq_style_loss")
def build_pq_style_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the term.

    Raises:
      ValueError: the options set another name, or a top-k fraction, which the term
        does not support.
    """
    check_options("pq_style_loss", options)
    return PQStyle(MaskMatching(MaskLayout(info.label_space)))
