"""From the stored frames of a video to predictions, as graphs.

It does for videos what `deeplab.inference.image_inference` does for images: preprocess
-> model -> undo. The model's state is passed in and returned, so that graphs and
SavedModels are stateless.
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
    """Preprocessing, video model and its undoing as functions of tensors."""

    def __init__(
        self,
        video: VideoState,
        preprocess: Preprocess,
        fields: Sequence[str] | None = None,
    ):
        """Combines a model with preprocessing and its undoing.

        Args:
          video: runs the model over frames.
          preprocess: converts one image, of two frames, to the network's input.
          fields: names of the fields to return; None returns all that can be served.

        Raises:
          ValueError: a field is unknown.
        """
        check_fields(fields)
        self._video = video
        self._preprocess = preprocess
        self._fields = fields
        frames = tf.TensorSpec([1, None, None, 6])
        # One function for all callers, so that a SavedModel contains the network once.
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
          images: `[1, H, W, 3]` uint8, any frame of the video.
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
          others: the previous or next frame, depending on the model's `other_frame`, in
            the same size. A frame without such a neighbour is its own neighbour.
          state: state after the previous frame.

        Returns:
          A prediction with fields `[1, H, W, ...]`, and the state after the frame.
        """
        inputs, resized = self._preprocess(tf.concat([images, others], axis=-1)[0])
        prediction, state = self._step(inputs[tf.newaxis], state)
        return undo_preprocessing(prediction, resized, tf.shape(images)[1:3]), state

    def _predict(self, inputs: tf.Tensor, state: Any) -> tuple[Prediction, Any]:
        prediction, state = self._video.step(inputs, state)
        return chosen_fields(prediction, self._fields), state
