"""Softmax cross entropy over the hardest pixels ("deeperlab loss").

DeeperLab: Single-Shot Image Parser, T.-J. Yang, M. D. Collins, Y. Zhu, J.-J. Hwang,
T. Liu, X. Zhang, V. Sze, G. Papandreou, L.-C. Chen, arXiv:1902.05093,
https://arxiv.org/abs/1902.05093. If an image is so small that the number of pixels to
keep rounds to 0, the published code keeps none; here, one is kept.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Example
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, TermOptions, check_name
from deeplab.losses.mask_targets import MaskLayout
from deeplab.losses.sampled_semantic import (
    SEMANTIC_FIELD,
    SampledSemanticCrossEntropy,
)
from deeplab.ops.resize import spatial_size
from deeplab.ops.sampling import check_top_k, subsample, top_k_mean


class SemanticCrossEntropy:
    """Mean cross entropy over the hardest pixels."""

    def __init__(
        self,
        *,
        labels: LabelSpace,
        field: str = SEMANTIC_FIELD,
        top_k_fraction: float = 1.0,
    ):
        """Makes the term.

        Args:
          labels: meaning of the labels; pixels with the ignore label or a label that is
            not a class are ignored.
          field: output field that contains the logits.
          top_k_fraction: fraction of the pixels that counts, above 0 and up to 1.

        Raises:
          ValueError: the fraction is out of range.
        """
        check_top_k(top_k_fraction)
        self._labels = labels
        self._field = field
        self._top_k_fraction = top_k_fraction

    def __call__(self, example: Example, output: Any) -> tf.Tensor:
        """Returns [batch] float32; see `LossTerm`.

        If the logits are coarser than the labels, every n-th label is used.
        """
        logits = getattr(output, self._field)
        size = spatial_size(logits)
        label = tf.cast(subsample(example.semantic_gt, size), tf.int32)
        valid = (label >= 0) & (label < self._labels.num_classes)
        valid &= label != self._labels.ignore_label
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.where(valid, label, 0),
            logits=tf.cast(logits, tf.float32),
        )
        if example.semantic_loss_weight is not None:
            entropy *= subsample(example.semantic_loss_weight, size)
        return top_k_mean(tf.where(valid, entropy, 0.0), self._top_k_fraction)


@LOSSES.register("semantic_loss")
def build_semantic_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the semantic term that the options describe.

    Raises:
      ValueError: the loss name is unknown, or the top-k fraction is out of range.
    """
    check_name("semantic_loss", options.name, ["softmax_cross_entropy"])
    if options.sampling.count:
        return SampledSemanticCrossEntropy(
            MaskLayout(info.label_space),
            field=options.reads or SEMANTIC_FIELD,
            sample_k=options.sampling.count,
            sample_temperature=options.sampling.temperature,
            top_k_fraction=options.top_k_percent,
        )
    return SemanticCrossEntropy(
        labels=info.label_space,
        field=options.reads or SEMANTIC_FIELD,
        top_k_fraction=options.top_k_percent,
    )
