"""The model of every architecture: normalise, network, post-process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone
from deeplab.core.structures import Outputs, Prediction
from deeplab.heads.base import Head
from deeplab.input_normalization.base import InputNormalization
from deeplab.models.network import Network
from deeplab.models.scales import InferenceScales, TrainingScales
from deeplab.models.video.base import VideoState
from deeplab.postprocess.base import PostProcessor


class DeepLab(tf_keras.Model):
    """A network with what comes before and after it.

    Its inputs and outputs are float32 at any precision of the network between.

    Attributes:
      network: backbone and head.
      postprocess: fills the discrete fields of a prediction.
      auxiliary_outputs: names of the auxiliary outputs that it returns in training.
      video: what is remembered of a video; None for a model of single images.
    """

    def __init__(
        self,
        *,
        network: Network,
        normalize: InputNormalization,
        postprocess: PostProcessor,
        inference: InferenceScales,
        training: TrainingScales,
        video_state: Callable[..., VideoState] | None = None,
        jit_compile: bool = False,
    ):
        """Puts the parts together.

        Args:
          network: backbone and head.
          normalize: brings pixels to the range of the network.
          postprocess: fills the discrete fields of a prediction.
          inference: the scales at which the network runs over an image.
          training: the scales at which it runs over a training image.
          video_state: makes of the model what remembers a video; None if it is a
            model of single images.
          jit_compile: compiles the network with XLA.
        """
        super().__init__(name="deeplab", dtype="float32")
        self.network = network
        self.postprocess = postprocess
        self.auxiliary_outputs = (*network.head.auxiliary_outputs, *training.names)
        self.video = video_state(self) if video_state else None
        self._normalize = normalize
        self._infer: Callable[[tf.Tensor], Prediction] = functools.partial(
            inference, network
        )
        self._train: Callable[[tf.Tensor], Outputs] = functools.partial(
            training, network
        )
        if jit_compile:
            self._infer = tf.function(self._infer, jit_compile=True, autograph=False)
            self._train = tf.function(self._train, jit_compile=True, autograph=False)

    # AutoGraph would rewrite every layer below, which takes longer than tracing it.
    @tf.autograph.experimental.do_not_convert
    def call(self, images: tf.Tensor, training: bool = False) -> Any:
        """Segments or classifies images.

        Args:
          images: `[b, h, w, input_channels]` float32 or uint8, 0 to 255. Video models
            take further frames, and what they see of the frame before, in channels
            after the first three.
          training: whether to train.

        Returns:
          In training, `Outputs` at the size of the image; outputs of masks keep their
          stride. Otherwise a `Prediction`, averaged over scales and flips, and
          post-processed; each image for itself.
        """
        if training:
            return self._train(self._normalize(images))
        return self.postprocess(self.predict_maps(images), images)

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the continuous fields that post-processing starts from.

        Args:
          images: as in `call`.
        """
        return self._infer(self._normalize(images))

    @property
    def backbone(self) -> Backbone:
        """The network's backbone."""
        return self.network.backbone

    @property
    def head(self) -> Head:
        """The network's head."""
        return self.network.head

    @property
    def input_channels(self) -> int:
        """Number of channels of the images."""
        return self.network.input_channels

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Name in checkpoints -> part of the model, as in published checkpoints."""
        return {"encoder": self.backbone, **self.head.checkpoint_items}
