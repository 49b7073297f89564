"""Softmax cross entropy over randomly drawn pixels.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. Published configs set the sampling options, but the
published training code ignores them.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deeplab.core.structures import Example
from deeplab.losses.mask_targets import MaskLayout, area_logits
from deeplab.ops.masks import flat_pixels
from deeplab.ops.resize import spatial_size
from deeplab.ops.sampling import (
    check_sample_k,
    check_top_k,
    draw_without_replacement,
    subsample,
    top_k_mean,
)

SEMANTIC_FIELD = "semantic_logits"


class SampledSemanticCrossEntropy:
    """Mean cross entropy of drawn pixels; those of small segments are more likely."""

    def __init__(
        self,
        layout: MaskLayout,
        *,
        field: str = SEMANTIC_FIELD,
        sample_k: int,
        sample_temperature: float = 1.0,
        top_k_fraction: float = 1.0,
    ):
        """Makes the term.

        Args:
          layout: order of the mask classes.
          field: output field that contains the logits.
          sample_k: number of pixels to draw per image; all if there are fewer.
          sample_temperature: see `area_logits`.
          top_k_fraction: fraction of the drawn pixels that counts.

        Raises:
          ValueError: a number is out of range.
        """
        check_top_k(top_k_fraction)
        check_sample_k(sample_k)
        self._layout = layout
        self._field = field
        self._sample_k = sample_k
        self._sample_temperature = sample_temperature
        self._top_k_fraction = top_k_fraction

    def __call__(self, example: Example, output: Any) -> tf.Tensor:
        """Returns [batch] float32; see `LossTerm`."""
        of_pixels = getattr(output, self._field)
        size = spatial_size(of_pixels)
        targets = self._layout.targets(example, size)
        logits = area_logits(targets, self._sample_temperature)
        drawn = draw_without_replacement(logits, self._sample_k)

        def of_drawn(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(values, drawn, batch_dims=1)

        label, weight = (
            of_drawn(tf.reshape(subsample(values, size), tf.shape(logits)))
            for values in (example.semantic_gt, example.semantic_loss_weight)
        )
        counts = of_drawn(targets.number) >= 0
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.where(counts, label, 0),
            logits=of_drawn(flat_pixels(of_pixels)),
        )
        return top_k_mean(tf.where(counts, entropy * weight, 0.0), self._top_k_fraction)
