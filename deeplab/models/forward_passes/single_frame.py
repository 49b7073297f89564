"""Forward pass of single images, whose channels may contain several frames."""

from __future__ import annotations

import tensorflow as tf

from deeplab.backbones.base import Backbone
from deeplab.core.structures import Outputs
from deeplab.heads.base import Head
from deeplab.layers.aspp import PoolSize
from deeplab.models.forward_passes import FORWARD_PASSES


@FORWARD_PASSES.register("single_frame")
def single_frame(
    backbone: Backbone,
    head: Head,
    images: tf.Tensor,
    *,
    pool_size: PoolSize | None,
    training: bool,
) -> Outputs:
    """Returns the outputs for images; see `ForwardPass`."""
    features = backbone(images, training=training)
    return head(features, pool_size=pool_size, training=training)
