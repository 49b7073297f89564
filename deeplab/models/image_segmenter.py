"""The model of one image: normalise, backbone, head, post-process.

Serves every architecture whose head returns maps of the image: DeepLabv3, DeepLabv3+
and Panoptic-DeepLab.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone
from deeplab.core.structures import Prediction
from deeplab.heads.base import Head
from deeplab.models import MODELS
from deeplab.models.multiscale import average, predict_scales, resize_output
from deeplab.ops.resize import scaled_size, spatial_size


class ImageSegmenter(tf_keras.Model):
    """A backbone, a head and the post-processing of its outputs.

    Its inputs and outputs are float32 at any precision of the network between.

    Attributes:
      backbone: from images to features.
      head: from features to outputs.
      input_channels: channels of the images in training.
      other_frame: which frame it takes besides the image, "previous" or "next"; such
        a model has `initial_state`, `state_spec` and `step`, as `MotionDeepLab` and
        `ViPDeepLab`.
    """

    input_channels = 3
    other_frame: str | None = None

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
          head: from features to outputs.
          postprocess: fills the discrete fields of a prediction.
          train_crop_size: height and width of the training images: image pooling
            takes windows of this size. None pools the whole image.
          eval_scales: factors of the image size at which inference runs.
          add_flipped_images: whether inference runs mirrored as well.
          jit_compile: compiles backbone and head with XLA.
        """
        super().__init__(name="image_segmenter", dtype="float32")
        self.backbone = backbone
        self.head = head
        self._postprocess = postprocess
        stride = max(s.stride for s in backbone.feature_specs.values())
        self._pool_size = train_crop_size and (
            scaled_size(train_crop_size[0], 1.0 / stride),
            scaled_size(train_crop_size[1], 1.0 / stride),
        )
        self._scales = tuple(eval_scales)
        self._add_flipped = add_flipped_images
        self._outputs = (
            tf.function(self._compute, jit_compile=True, autograph=False)
            if jit_compile
            else self._compute
        )

    # AutoGraph would rewrite every layer below, which takes longer than tracing it.
    @tf.autograph.experimental.do_not_convert
    def call(self, images: tf.Tensor, training: bool = False) -> Any:
        """Segments images.

        Args:
          images: `[b, h, w, 3]` float32 or uint8, 0 to 255.
          training: whether to train.

        Returns:
          In training, the head's output at image size. Otherwise a `Prediction`,
          averaged over scales and flips, and post-processed.
        """
        if training:
            return self._outputs(normalized(images), True)
        return self._postprocess(self.predict_maps(images))

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the continuous maps that post-processing starts from.

        Args:
          images: as in `call`.
        """
        return averaged_prediction(self._outputs(normalized(images), False))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the model, as in published checkpoints."""
        return {"encoder": self.backbone, **self.head.checkpoint_items}

    def _compute(self, images: tf.Tensor, training: bool) -> Any:
        if training:
            output = self._run(images, self._pool_size, training=True)
            return resize_output(output, spatial_size(images))
        return predict_scales(
            self._run,
            images,
            pool_size=self._pool_size,
            scales=self._scales,
            add_flipped=self._add_flipped,
        )

    def _run(self, images: tf.Tensor, pool_size: Any, training: bool = False) -> Any:
        features = self.backbone(images, training=training)
        return self.head(features, pool_size=pool_size, training=training)


def normalized(images: tf.Tensor) -> tf.Tensor:
    """Returns images of 0 to 255 as float32 of -1 to 1."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def averaged_prediction(outputs: Sequence[Any]) -> Prediction:
    """Averages outputs; class probabilities instead of logits are what counts."""
    fields = {
        name: average([getattr(output, name) for output in outputs])
        for name, value in outputs[0]._asdict().items()
        if value is not None
    }
    probs = [tf.nn.softmax(output.semantic_logits) for output in outputs]
    if "center_heatmap" in fields:
        fields["center_heatmap"] = tf.squeeze(fields["center_heatmap"], axis=3)
    return Prediction(semantic_probs=average(probs), **fields)


MODELS.register("image_segmenter")(ImageSegmenter)
