"""The model of every architecture: normalisation, network, post-processing."""

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
    """A network with input normalisation and post-processing.

    Inputs and outputs are float32, whatever the precision of the network.

    Attributes:
      network: backbone and head.
      postprocess: fills in the discrete fields of a prediction.
      auxiliary_outputs: names of the auxiliary outputs returned in training.
      video: runs the model over videos; None for single-image models.
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
        """Combines the parts.

        Args:
          network: backbone and head.
          normalize: normalises the pixel values for the network.
          postprocess: fills in the discrete fields of a prediction.
          inference: scales at which the network runs in inference.
          training: scales at which the network runs in training.
          video_state: builds, from this model, the object that runs it over videos;
            None for single-image models.
          jit_compile: whether to compile the network with XLA.
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

    # AutoGraph would rewrite all layers, which takes longer than tracing them.
    @tf.autograph.experimental.do_not_convert
    def call(self, images: tf.Tensor, training: bool = False) -> Any:
        """Segments or classifies images.

        Args:
          images: `[b, h, w, input_channels]` float32 or uint8, 0 to 255. The channels
            after the first three are for video models: other frames, and the heatmap
            of the previous frame.
          training: whether to run in training mode.

        Returns:
          In training, `Outputs` at image size; mask outputs keep their stride.
          Otherwise a `Prediction`, averaged over scales and flips, and post-processed;
          images are independent of each other.
        """
        if training:
            return self._train(self._normalize(images))
        return self.postprocess(self.predict_maps(images), images)

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the continuous fields, before post-processing.

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
        """Number of channels of the input images."""
        return self.network.input_channels

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in published checkpoints to the parts of the model."""
        return {"encoder": self.backbone, **self.head.checkpoint_items}
