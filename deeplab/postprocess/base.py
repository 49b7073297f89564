"""The interface of post-processors."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from deeplab.core.structures import Prediction


class PostProcessor(Protocol):
    """Computes classes and instances from the continuous fields of a prediction."""

    def __call__(self, prediction: Prediction, images: tf.Tensor) -> Prediction:
        """Returns the prediction with its discrete fields filled in.

        Args:
          prediction: prediction of a batch, at image size; masks at their stride.
          images: `[b, h, w, c]`, 0 to 255, the images of that batch.
        """
        ...
