"""The network of a model: a backbone, a head, and the forward pass through both."""

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
      backbone: computes features from images.
      head: computes outputs from features.
      input_channels: number of channels of the input images.
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
        """Combines the parts.

        Args:
          backbone: computes features from images.
          head: computes outputs from features.
          forward_pass: runs images through both.
          input_channels: number of channels of the input images.
          train_crop_size: height and width of the training images, which is the window
            size of image pooling. None pools over the whole image.
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
          training: whether to use batch statistics and regularisation.
          scale: size of the images relative to the training images.

        Returns:
          The outputs of the head, at its stride.
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
