"""From frames of a video as they are stored to predictions, as graphs.

What `models.inference` is for images: preprocess -> model -> undo, and what the model
remembers of the video goes in and comes out as named tensors, so that graphs and
SavedModels hold none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.models.inference import (
    Preprocess,
    check_fields,
    chosen_fields,
    present,
    undo_preprocessing,
)

# Before the names of the state's tensors, in inputs and outputs.
STATE_PREFIX = "state_"

Tensors = Mapping[str, tf.Tensor]


class FrameInference:
    """The whole path of a video model as functions of tensors."""

    def __init__(
        self, model: Any, preprocess: Preprocess, fields: Sequence[str] | None = None
    ):
        """Joins a model with what comes before and after it.

        Args:
          model: a model with `other_frame`, `initial_state`, `state_spec` and `step`.
          preprocess: brings one image, of two frames, to the network's input.
          fields: what to predict; all that the model does when None.

        Raises:
          ValueError: a field is unknown.
        """
        check_fields(fields)
        self._model = model
        self._preprocess = preprocess
        self._fields = fields
        frames = tf.TensorSpec([1, None, None, 6])
        # One function for every caller: a SavedModel holds the network once.
        self._step = tf.function(
            self._predict,
            input_signature=[frames, model.state_spec],
            autograph=False,
        )

    @property
    def state_specs(self) -> dict[str, tf.TensorSpec]:
        """Name -> specification of each tensor of the state."""
        return _named(self._model.state_spec)

    def initial_state(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the state before the first frame of a video.

        Args:
          images: `[1, H, W, 3]` uint8, any frame of it.
        """
        prepared, _ = self._preprocess(images[0])
        size = tf.shape(prepared)
        return _named(self._model.initial_state(size[0], size[1]))

    def frame(
        self, images: tf.Tensor, others: tf.Tensor, state: Tensors
    ) -> dict[str, tf.Tensor]:
        """Predicts the next frame of a video.

        Args:
          images: `[1, H, W, 3]` uint8.
          others: the frame before or after it, as the model's `other_frame` says, of
            the same size; the first comes before itself, the last after itself.
          state: after the frame before.

        Returns:
          Name -> `[1, H, W, ...]`, the fields of a `Prediction`; and the state after
          the frame.
        """
        inputs, resized = self._preprocess(tf.concat([images, others], axis=-1)[0])
        memory = self._model.state_spec._make(
            state[name] for name in _named(self._model.state_spec)
        )
        fields, memory = self._step(inputs[tf.newaxis], memory)
        undone = undo_preprocessing(
            Prediction(**fields), resized, tf.shape(images)[1:3]
        )
        return {**present(undone), **_named(memory)}

    def _predict(self, inputs: tf.Tensor, state: Any) -> tuple[dict[str, Any], Any]:
        prediction, state = self._model.step(inputs, state)
        return chosen_fields(prediction, self._fields), state


def _named(state: Any) -> dict[str, Any]:
    return {STATE_PREFIX + name: value for name, value in state._asdict().items()}
