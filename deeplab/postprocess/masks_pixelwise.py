"""Pixel-wise merging: each pixel is assigned to the mask with the highest logit.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.postprocess.mask_merging import MaskClasses, MaskRegions, no_regions

# Logit that excludes a mask from a softmax.
_EXCLUDED = -99999.0


def pixelwise_regions(
    logits: tf.Tensor,
    classes: MaskClasses,
    *,
    class_threshold: float,
    pixel_threshold: float,
) -> MaskRegions:
    """Returns the regions of the masks.

    Only masks whose class is confident enough are kept. A pixel is covered if its best
    mask is kept, and its probability among the kept masks is high enough.

    Args:
      logits: [b, h, w, slots] float32, mask logits.
      classes: classes of the masks.
      class_threshold: minimum class confidence of a mask.
      pixel_threshold: the probability of a mask must exceed this at a covered pixel.
    """
    kept = classes.confidence >= class_threshold
    among_kept = tf.where(tf.expand_dims(tf.expand_dims(kept, 1), 1), logits, _EXCLUDED)
    best = tf.reduce_max(among_kept, axis=-1)
    # The maximum of a softmax: e^0 over the sum.
    score = 1.0 / tf.reduce_sum(tf.exp(among_kept - tf.expand_dims(best, -1)), axis=-1)
    index = tf.argmax(among_kept, axis=-1, output_type=tf.int32)
    regions = MaskRegions(
        index=index,
        covered=(score > pixel_threshold) & (best == tf.reduce_max(logits, axis=-1)),
        channel=classes.channel,
        instance_scores=score,
        semantic_scores=tf.gather(classes.confidence, index, batch_dims=1),
    )
    return no_regions(regions, tf.reduce_any(kept, axis=1))
