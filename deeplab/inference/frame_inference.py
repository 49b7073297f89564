"""From frames of a video as they are stored to predictions, as graphs.

The same for videos as `inference.image_inference` for images: preprocess -> model ->
undo; and what the model remembers of the video goes in and comes out, so that graphs
and SavedModels hold none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.inference.field_choice import check_fields, chosen_fields
from deeplab.inference.image_inference import Preprocess
from deeplab.inference.undo import undo_preprocessing
from deeplab.models.video.base import VideoState


class FrameInference:
    """The whole path of a video model as functions of tensors."""

    def __init__(
        self,
        video: VideoState,
        preprocess: Preprocess,
        fields: Sequence[str] | None = None,
    ):
        """Joins a model with what comes before and after it.

        Args:
          video: runs the model over frames.
          preprocess: brings one image, of two frames, to the network's input.
          fields: what to predict; all that the model does when None.

        Raises:
          ValueError: a field is unknown.
        """
        check_fields(fields)
        self._video = video
        self._preprocess = preprocess
        self._fields = fields
        frames = tf.TensorSpec([1, None, None, 6])
        # One function for every caller: a SavedModel holds the network once.
        self._step = tf.function(
            self._predict,
            input_signature=[frames, video.state_spec],
            autograph=False,
        )

    @property
    def state_spec(self) -> Any:
        """Specifications of the tensors of a state, a named tuple."""
        return self._video.state_spec

    def initial_state(self, images: tf.Tensor) -> Any:
        """Returns the state before the first frame of a video.

        Args:
          images: `[1, H, W, 3]` uint8, any frame of it.
        """
        prepared, _ = self._preprocess(images[0])
        size = tf.shape(prepared)
        return self._video.initial_state(size[0], size[1])

    def frame(
        self, images: tf.Tensor, others: tf.Tensor, state: Any
    ) -> tuple[Prediction, Any]:
        """Predicts the next frame of a video.

        Args:
          images: `[1, H, W, 3]` uint8.
          others: the frame before or after it, as the model's `other_frame` says, of
            the same size; the first comes before itself, the last after itself.
          state: after the frame before.

        Returns:
          Fields `[1, H, W, ...]`, and the state after the frame.
        """
        inputs, resized = self._preprocess(tf.concat([images, others], axis=-1)[0])
        prediction, state = self._step(inputs[tf.newaxis], state)
        return undo_preprocessing(prediction, resized, tf.shape(images)[1:3]), state

    def _predict(self, inputs: tf.Tensor, state: Any) -> tuple[Prediction, Any]:
        prediction, state = self._video.step(inputs, state)
        return chosen_fields(prediction, self._fields), state
