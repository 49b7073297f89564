"""A classifier of images: normalise, backbone, and a head that gives one class.

Dense prediction takes the backbone of a trained one by
`model_options.backbone.pretrained_weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone
from deeplab.core.structures import ClassOutput, Prediction
from deeplab.heads.base import Head
from deeplab.models import MODELS
from deeplab.models.image_segmenter import normalized


class Classifier(tf_keras.Model):
    """A backbone and a head that classifies the image as a whole.

    Attributes:
      backbone: from images to features.
      head: from features to `ClassOutput`.
      input_channels: channels of the images.
    """

    input_channels = 3

    def __init__(
        self,
        *,
        backbone: Backbone,
        head: Head,
        postprocess: Callable[[Prediction], Prediction],
        train_crop_size: tuple[int, int] | None = None,
        eval_scales: Sequence[float] = (1.0,),
        add_flipped_images: bool = False,
        jit_compile: bool = False,
    ):
        """Puts the parts together.

        Args:
          backbone: from images to features.
          head: from features to class logits.
          postprocess: fills the discrete fields of a prediction.
          train_crop_size: has no effect: the mean is over the whole image.
          eval_scales: 1 alone.
          add_flipped_images: False alone.
          jit_compile: compiles backbone and head with XLA.

        Raises:
          ValueError: several scales or flips are asked for.
        """
        super().__init__(name="classifier", dtype="float32")
        del train_crop_size
        if tuple(eval_scales) != (1.0,) or add_flipped_images:
            raise ValueError(
                "eval_scales, add_flipped_images: a classifier sees each image once; "
                "leave them out"
            )
        self.backbone = backbone
        self.head = head
        self._postprocess = postprocess
        self._outputs = (
            tf.function(self._run, jit_compile=True, autograph=False)
            if jit_compile
            else self._run
        )

    @tf.autograph.experimental.do_not_convert
    def call(
        self, images: tf.Tensor, training: bool = False
    ) -> ClassOutput | Prediction:
        """Classifies images.

        Args:
          images: `[b, h, w, 3]` float32 or uint8, 0 to 255.
          training: whether to train.

        Returns:
          In training, the head's output. Otherwise a `Prediction` with the three
          fields of whole images.
        """
        output = self._outputs(normalized(images), training)
        if training:
            return output
        probs = tf.nn.softmax(output.class_logits)
        return self._postprocess(
            Prediction(class_logits=output.class_logits, class_probs=probs)
        )

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the model; the backbone is `encoder`."""
        return {"encoder": self.backbone, **self.head.checkpoint_items}

    def _run(self, images: tf.Tensor, training: bool) -> ClassOutput:
        return self.head(self.backbone(images, training=training), training=training)


MODELS.register("classifier")(Classifier)
