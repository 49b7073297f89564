"""The model of a mask transformer: normalise, backbone, head, post-process.

Serves MaX-DeepLab and kMaX-DeepLab: every head that returns a `MaskOutput`. As
published, masks keep their stride in training, where labels are subsampled to it, and
inference runs at one scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone
from deeplab.core.structures import MaskOutput, Prediction
from deeplab.heads.base import Head
from deeplab.models import MODELS
from deeplab.ops.resize import resize_bilinear, scaled_size, spatial_size


@MODELS.register("mask_transformer")
class MaskTransformer(tf_keras.Model):
    """A backbone, a head and the post-processing of its masks.

    Its inputs and outputs are float32 at any precision of the network between.

    Attributes:
      backbone: from images to features.
      head: from features to masks.
      input_channels: channels of the images in training.
    """

    input_channels = 3

    def __init__(
        self,
        *,
        backbone: Backbone,
        head: Head,
        postprocess: Callable[..., Prediction],
        train_crop_size: tuple[int, int] | None = None,
        eval_scales: Sequence[float] = (1.0,),
        add_flipped_images: bool = False,
        jit_compile: bool = False,
    ):
        """Puts the parts together.

        Args:
          backbone: from images to features.
          head: from features to masks.
          postprocess: fills the discrete fields of a prediction, at a given size.
          train_crop_size: height and width of the training images: image pooling
            takes windows of this size. None pools the whole image.
          eval_scales: 1 alone.
          add_flipped_images: False alone.
          jit_compile: compiles backbone and head with XLA.

        Raises:
          ValueError: inference is to run at several scales.
        """
        super().__init__(name="mask_transformer", dtype="float32")
        if tuple(eval_scales) != (1.0,) or add_flipped_images:
            raise ValueError(
                "evaluator_options: a mask transformer runs at scale 1 alone, as the "
                "masks of two runs are not in the same order; remove eval_scales and "
                "add_flipped_images"
            )
        self.backbone = backbone
        self.head = head
        self._postprocess = postprocess
        stride = max(s.stride for s in backbone.feature_specs.values())
        self._pool_size = train_crop_size and (
            scaled_size(train_crop_size[0], 1.0 / stride),
            scaled_size(train_crop_size[1], 1.0 / stride),
        )
        self._outputs = (
            tf.function(self._compute, jit_compile=True)
            if jit_compile
            else self._compute
        )

    def call(self, images: tf.Tensor, training: bool = False) -> Any:
        """Segments images.

        Args:
          images: `[b, h, w, 3]` float32 or uint8, 0 to 255.
          training: whether to train.

        Returns:
          In training, the `MaskOutput` of the head, its auxiliary outputs at the
          stride of the masks. Otherwise a `Prediction`, post-processed.
        """
        if training:
            return self._outputs(_normalized(images), True)
        return self._postprocess(self.predict_maps(images), spatial_size(images))

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the continuous fields that post-processing starts from.

        Args:
          images: as in `call`.
        """
        output = self._outputs(_normalized(images), False)
        fields = output._asdict()
        del fields["auxiliary_outputs"]
        probs = None
        if output.semantic_logits is not None:
            probs = tf.nn.softmax(output.semantic_logits)
        return Prediction(semantic_probs=probs, **fields)

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the model, as in published checkpoints."""
        return {"encoder": self.backbone, **self.head.checkpoint_items}

    def _compute(self, images: tf.Tensor, training: bool) -> MaskOutput:
        features = self.backbone(images, training=training)
        output = self.head(features, pool_size=self._pool_size, training=training)
        if not training:
            return output._replace(auxiliary_outputs=())
        size = spatial_size(output.pixel_space_mask_logits)
        return output._replace(
            auxiliary_outputs=tuple(
                _resized(earlier, size) for earlier in output.auxiliary_outputs
            )
        )


def _normalized(images: tf.Tensor) -> tf.Tensor:
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _resized(output: MaskOutput, size: tuple[Any, Any]) -> MaskOutput:
    """Brings the masks of a decoder layer to the size of the last ones."""
    return output._replace(
        pixel_space_mask_logits=resize_bilinear(output.pixel_space_mask_logits, size),
        pixel_space_normalized_feature=resize_bilinear(
            output.pixel_space_normalized_feature, size
        ),
    )
