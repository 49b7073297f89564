"""Contrastive loss: features are similar within a mask and different between masks.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759 (pixels against the mean features of masks), and
CMT-DeepLab: Clustering Mask Transformers for Panoptic Segmentation, Qihang Yu, Huiyu
Wang, Dahun Kim, Siyuan Qiao, Maxwell Collins, Yukun Zhu, Hartwig Adam, Alan Yuille,
Liang-Chieh Chen, CVPR 2022, https://arxiv.org/abs/2206.08948 (pixels against pixels).
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import MaskOutput
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, PreparedTerm, TermOptions, check_options
from deeplab.losses.mask_matching import MaskMatching, MatchedMasks
from deeplab.losses.mask_targets import MaskLayout, area_logits
from deeplab.ops.masks import flat_pixels, known_size
from deeplab.ops.sampling import (
    check_sample_k,
    check_top_k,
    draw_without_replacement,
    top_k_mean,
)

_TEMPERATURE = 0.3
# Logit that excludes a mask from a softmax.
_EXCLUDED = -99999.0


class InstanceDiscrimination(PreparedTerm):
    """Contrasts the pixels of things with the mean features of all masks."""

    def __init__(self, matching: MaskMatching, *, top_k_fraction: float = 1.0):
        """Makes the term.

        Args:
          matching: provides the ground-truth masks.
          top_k_fraction: fraction of the pixels that counts, above 0 and up to 1.

        Raises:
          ValueError: the fraction is out of range.
        """
        check_top_k(top_k_fraction)
        self.prepare = matching
        self._top_k_fraction = top_k_fraction

    def compute(
        self, targets: MatchedMasks, output: MaskOutput
    ) -> tuple[tf.Tensor, ...]:
        """Returns the only part; see `PreparedTerm`."""
        truth = targets.targets
        feature = flat_pixels(output.pixel_space_normalized_feature)
        members = tf.one_hot(truth.number, known_size(truth.area, 1))
        mean = tf.matmul(members, feature, transpose_a=True)
        mean /= tf.maximum(truth.area, 1.0)[:, :, tf.newaxis]
        mean = tf.math.l2_normalize(mean, axis=-1)
        similarity = tf.matmul(feature, mean, transpose_b=True) / _TEMPERATURE
        there = (truth.area > 0)[:, tf.newaxis]
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.maximum(truth.number, 0),
            logits=tf.where(there, similarity, _EXCLUDED),
        )
        entropy = tf.where(truth.is_thing, entropy, 0.0)
        return (top_k_mean(entropy, self._top_k_fraction),)


class SampledInstanceDiscrimination(PreparedTerm):
    """Contrasts randomly drawn pixels with each other.

    The target distribution of a pixel is uniform over the drawn pixels of its mask.
    Both things and stuff count; pixels of small masks are drawn more often.
    """

    def __init__(
        self,
        matching: MaskMatching,
        *,
        sample_k: int,
        sample_temperature: float,
        top_k_fraction: float = 1.0,
    ):
        """Makes the term.

        Args:
          matching: provides the ground-truth masks.
          sample_k: number of pixels to draw per image; all if there are fewer.
          sample_temperature: see `area_logits`.
          top_k_fraction: fraction of the drawn pixels that counts.

        Raises:
          ValueError: a number is out of range.
        """
        check_top_k(top_k_fraction)
        check_sample_k(sample_k)
        self.prepare = matching
        self._sample_k = sample_k
        self._sample_temperature = sample_temperature
        self._top_k_fraction = top_k_fraction

    def compute(
        self, targets: MatchedMasks, output: MaskOutput
    ) -> tuple[tf.Tensor, ...]:
        """Returns the only part; see `PreparedTerm`."""
        feature = flat_pixels(output.pixel_space_normalized_feature)
        logits = area_logits(targets.targets, self._sample_temperature)
        drawn = draw_without_replacement(logits, self._sample_k)
        number = tf.gather(targets.targets.number, drawn, batch_dims=1)
        feature = tf.gather(feature, drawn, batch_dims=1)
        same = tf.equal(number[:, :, tf.newaxis], number[:, tf.newaxis])
        same = tf.cast(same & (number >= 0)[:, tf.newaxis], tf.float32)
        share = same / tf.maximum(tf.reduce_sum(same, axis=-1, keepdims=True), 1.0)
        similarity = tf.matmul(feature, feature, transpose_b=True) / _TEMPERATURE
        entropy = tf.nn.softmax_cross_entropy_with_logits(share, similarity)
        entropy = tf.where(number >= 0, entropy, 0.0)
        return (top_k_mean(entropy, self._top_k_fraction),)


@LOSSES.register("instance_discrimination_loss")
def build_instance_discrimination_loss(
    options: TermOptions, info: DatasetInfo
) -> LossTerm:
    """Returns the term, over all pixels or over randomly drawn ones.

    Raises:
      ValueError: the options set another name, or a number is out of range.
    """
    check_options("instance_discrimination_loss", options, top_k=True)
    matching = MaskMatching(MaskLayout(info.label_space))
    if not options.sampling.count:
        return InstanceDiscrimination(matching, top_k_fraction=options.top_k_percent)
    return SampledInstanceDiscrimination(
        matching,
        sample_k=options.sampling.count,
        sample_temperature=options.sampling.temperature,
        top_k_fraction=options.top_k_percent,
    )
