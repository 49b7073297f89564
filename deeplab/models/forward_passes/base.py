"""The interface of forward passes."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from deeplab.backbones.base import Backbone
from deeplab.core.structures import Outputs
from deeplab.heads.base import Head
from deeplab.layers.aspp import PoolSize


class ForwardPass(Protocol):
    """Runs images through a backbone and a head."""

    def __call__(
        self,
        backbone: Backbone,
        head: Head,
        images: tf.Tensor,
        *,
        pool_size: PoolSize | None,
        training: bool,
    ) -> Outputs:
        """Returns the outputs of the head, at its stride.

        Args:
          backbone: computes features from frames.
          head: computes outputs from features.
          images: `[b, h, w, c]` float32, normalised.
          pool_size: window of image pooling, see `deeplab.layers.aspp.ASPP`.
          training: whether to use batch statistics and regularisation.
        """
        ...
