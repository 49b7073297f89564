"""Forward pass of frame pairs: both frames pass through the backbone once.

ViP-DeepLab: Learning Visual Perception with Depth-aware Video Panoptic Segmentation,
Siyuan Qiao, Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.05258. In inference, the published model passes both frames
through the backbone twice, with each as the first frame; here they pass once, with
equal results.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.backbones.base import Backbone
from deeplab.core.structures import Outputs
from deeplab.heads.base import Head
from deeplab.layers.aspp import PoolSize
from deeplab.models.forward_passes import FORWARD_PASSES


@FORWARD_PASSES.register("frame_pair")
def frame_pair(
    backbone: Backbone,
    head: Head,
    images: tf.Tensor,
    *,
    pool_size: PoolSize | None,
    training: bool,
) -> Outputs:
    """Returns the outputs for pairs of frames, `[b, h, w, 6]`; see `ForwardPass`.

    The head gets the features of the second frame as `next_features`.
    """
    frames = tf.split(images, 2, axis=-1)
    if training:
        features, following = (backbone(frame, training=True) for frame in frames)
    else:
        both = backbone(tf.concat(frames, axis=0), training=False)
        halves = {key: tf.split(value, 2) for key, value in both.items()}
        features = {key: half[0] for key, half in halves.items()}
        following = {key: half[1] for key, half in halves.items()}
    return head(
        features, pool_size=pool_size, training=training, next_features=following
    )
