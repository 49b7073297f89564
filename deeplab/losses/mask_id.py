"""Cross entropy over the mask slots: which slot should cover a pixel.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import MaskOutput
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, PreparedTerm, TermOptions, check_options
from deeplab.losses.mask_matching import MaskMatching, MatchedMasks
from deeplab.losses.mask_targets import MaskLayout
from deeplab.ops.masks import flat_pixels
from deeplab.ops.sampling import check_top_k, top_k_mean


class MaskIdCrossEntropy(PreparedTerm):
    """Mean cross entropy over the pixels of matched masks."""

    def __init__(self, matching: MaskMatching, *, top_k_fraction: float = 1.0):
        """Makes the term.

        Args:
          matching: matches slots with ground-truth masks.
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
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.maximum(targets.slot, 0),
            logits=flat_pixels(output.pixel_space_mask_logits),
        )
        entropy = tf.where(targets.slot >= 0, entropy, 0.0)
        return (top_k_mean(entropy, self._top_k_fraction),)


@LOSSES.register("mask_id_cross_entropy_loss")
def build_mask_id_cross_entropy_loss(
    options: TermOptions, info: DatasetInfo
) -> LossTerm:
    """Returns the term.

    Raises:
      ValueError: the options set another name, or the top-k fraction is out of range.
    """
    check_options("mask_id_cross_entropy_loss", options, top_k=True)
    return MaskIdCrossEntropy(
        MaskMatching(MaskLayout(info.label_space)), top_k_fraction=options.top_k_percent
    )
