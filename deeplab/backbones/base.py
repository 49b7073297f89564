"""What a backbone is."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from deeplab.core.specs import FeatureSpec


class Backbone(tf_keras.Model):
    """A network that turns an image into named feature maps.

    Attributes:
      feature_specs: name -> channels and stride of each map that `call` returns.
        A map of stride s has ceil(size / s) pixels.
    """

    feature_specs: dict[str, FeatureSpec]

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Computes the features.

        Args:
          images: `[b, h, w, 3]` float, -1 to 1.
          training: whether to normalise by the batch and regularise.

        Returns:
          Name -> `[b, ceil(h / stride), ceil(w / stride), channels]`.
        """
        raise NotImplementedError

    @property
    def pretrained_variables(self) -> list[tf.Variable]:
        """Trainable variables that pretraining fills and that may learn slower."""
        return self.trainable_variables
