"""The model of a mask transformer: normalise, backbone, head, post-process.

Serves MaX-DeepLab and kMaX-DeepLab: every head that returns a `MaskOutput`. As
published, masks keep their stride in training, where labels are subsampled to it, and
inference runs at one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import MaskOutput, Prediction
from deeplab.models import MODELS
from deeplab.models.image_segmenter import ImageSegmenter, normalized
from deeplab.ops.resize import resize_bilinear, spatial_size


@MODELS.register("mask_transformer")
class MaskTransformer(ImageSegmenter):
    """A backbone, a head and the post-processing of its masks.

    Its inputs and outputs are float32 at any precision of the network between.
    `postprocess` is called with the size of the image besides the prediction.
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
          ValueError: inference is to run at several scales.
        """
        if tuple(eval_scales) != (1.0,) or add_flipped_images:
            raise ValueError(
                "evaluator_options: a mask transformer runs at scale 1 alone, as the "
                "masks of two runs are not in the same order; remove eval_scales and "
                "add_flipped_images"
            )
        super().__init__(**parts)

    @tf.autograph.experimental.do_not_convert
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
            return self._outputs(normalized(images), True)
        return self._postprocess(self.predict_maps(images), spatial_size(images))

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the continuous fields that post-processing starts from.

        Args:
          images: as in `call`.
        """
        output = self._outputs(normalized(images), False)
        fields = output._asdict()
        del fields["auxiliary_outputs"]
        probs = None
        if output.semantic_logits is not None:
            probs = tf.nn.softmax(output.semantic_logits)
        return Prediction(semantic_probs=probs, **fields)

    def _compute(self, images: tf.Tensor, training: bool) -> MaskOutput:
        output = self._run(images, self._pool_size, training=training)
        if not training:
            return output._replace(auxiliary_outputs=())
        size = spatial_size(output.pixel_space_mask_logits)
        return output._replace(
            auxiliary_outputs=tuple(
                _resized(earlier, size) for earlier in output.auxiliary_outputs
            )
        )


def _resized(output: MaskOutput, size: tuple[Any, Any]) -> MaskOutput:
    """Brings the masks of a decoder layer to the size of the last ones."""
    return output._replace(
        pixel_space_mask_logits=resize_bilinear(output.pixel_space_mask_logits, size),
        pixel_space_normalized_feature=resize_bilinear(
            output.pixel_space_normalized_feature, size
        ),
    )
