"""No normalisation, for networks without norms."""

from __future__ import annotations

import tensorflow as tf

from deeplab.layers.norms import NORMS
from deeplab.layers.norms.base import Norm


@NORMS.register("none")
class NoNormalization(Norm):
    """Returns its input unchanged; has no variables."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `inputs`."""
        del training
        return inputs
