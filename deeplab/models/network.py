"""The network of a model: backbone, head, and how images pass through them."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone
from deeplab.core.structures import Outputs
from deeplab.heads.base import Head
from deeplab.models.forward_passes.base import ForwardPass
from deeplab.ops.resize import scaled_size


class Network(tf_keras.layers.Layer):
    """A backbone and a head.

    Attributes:
      backbone: from images to features.
      head: from features to outputs.
      input_channels: number of channels of the images.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        head: Head,
        forward_pass: ForwardPass,
        input_channels: int = 3,
        train_crop_size: tuple[int, int] | None = None,
    ):
        """Puts the parts together.

        Args:
          backbone: from images to features.
          head: from features to outputs.
          forward_pass: how images pass through both.
          input_channels: number of channels of the images.
          train_crop_size: height and width of the training images: image pooling
            takes windows of this size. None pools the whole image.
        """
        super().__init__(name="network", dtype="float32")
        self.backbone = backbone
        self.head = head
        self.input_channels = input_channels
        self._forward_pass = forward_pass
        self._train_crop_size = train_crop_size
        self._stride = max(spec.stride for spec in backbone.feature_specs.values())

    def call(
        self, images: tf.Tensor, training: bool = False, scale: float = 1.0
    ) -> Outputs:
        """Computes the outputs.

        Args:
          images: `[b, h, w, input_channels]` float32, normalised.
          training: whether to normalise by the batch and regularise.
          scale: size of the images relative to that of the training images.

        Returns:
          The head's outputs, at its stride.
        """
        window = None
        if self._train_crop_size is not None:
            height, width = (
                scaled_size(scaled_size(side, 1.0 / self._stride), scale)
                for side in self._train_crop_size
            )
            window = (height, width)
        return self._forward_pass(
            self.backbone, self.head, images, pool_size=window, training=training
        )
