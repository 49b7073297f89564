"""A classifier of images: normalise, backbone, and a head that gives one class.

Dense prediction takes the backbone of a trained one by
`model_options.backbone.pretrained_weights`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import ClassOutput, Prediction
from deeplab.models import MODELS
from deeplab.models.image_segmenter import ImageSegmenter, normalized


@MODELS.register("classifier")
class Classifier(ImageSegmenter):
    """A backbone and a head that classifies the image as a whole.

    `call` returns the `ClassOutput` of the head in training, else a `Prediction` with
    the three fields of whole images.
    """

    def __init__(
        self,
        *,
        eval_scales: Sequence[float] = (1.0,),
        add_flipped_images: bool = False,
        **parts: Any,
    ):
        """Puts the parts together.

        Args:
          eval_scales: 1 alone.
          add_flipped_images: False alone.
          **parts: as in `ImageSegmenter`.

        Raises:
          ValueError: several scales or flips are asked for.
        """
        if tuple(eval_scales) != (1.0,) or add_flipped_images:
            raise ValueError(
                "eval_scales, add_flipped_images: a classifier sees each image once; "
                "leave them out"
            )
        super().__init__(**parts)

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the class logits and probabilities.

        Args:
          images: `[b, h, w, 3]` float32 or uint8, 0 to 255.
        """
        logits = self._outputs(normalized(images), False).class_logits
        return Prediction(class_logits=logits, class_probs=tf.nn.softmax(logits))

    def _compute(self, images: tf.Tensor, training: bool) -> ClassOutput:
        # The mean is over the whole image, whatever the training crop.
        return self._run(images, None, training=training)
