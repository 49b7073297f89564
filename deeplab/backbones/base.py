"""The interface of backbones."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from deeplab.core.specs import FeatureSpec


class Backbone(tf_keras.Model):
    """A network that turns an image into named feature maps.

    Attributes:
      feature_specs: name -> channels and stride of each map that `call` returns. A map
        of stride s has ceil(size / s) pixels along each axis.
    """

    feature_specs: dict[str, FeatureSpec]

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Computes the features.

        Args:
          images: `[b, h, w, 3]` float, normalised as in
            `deeplab.input_normalization`.
          training: whether to use batch statistics and regularisation.

        Returns:
          Name -> `[b, ceil(h / stride), ceil(w / stride), channels]`.
        """
        raise NotImplementedError

    @property
    def pretrained_variables(self) -> list[tf.Variable]:
        """Trainable variables that are pretrained and may get a lower learning rate."""
        return self.trainable_variables
