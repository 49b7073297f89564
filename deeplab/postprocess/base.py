"""What a post-processor is."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from deeplab.core.structures import Prediction


class PostProcessor(Protocol):
    """Makes classes and instances of the continuous fields of a prediction."""

    def __call__(self, prediction: Prediction, images: tf.Tensor) -> Prediction:
        """Returns the prediction with its discrete fields filled in.

        Args:
          prediction: of a batch, at the size of the images; masks at their stride.
          images: `[b, h, w, c]`, 0 to 255, what was predicted.
        """
        ...
