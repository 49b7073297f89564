"""The interface of video models: running frame by frame with an explicit state."""

from __future__ import annotations

from typing import Any, Protocol

import tensorflow as tf

from deeplab.core.structures import Prediction


class VideoState(Protocol):
    """Runs a model over the frames of a video, with the state as a value.

    Attributes:
      other_frame: which frame the model takes in addition to the current one,
        "previous" or "next".
      state_spec: specifications of the tensors of a state, a named tuple.
    """

    other_frame: str

    @property
    def state_spec(self) -> Any:
        """Specifications of the tensors of a state, a named tuple."""
        ...

    def initial_state(self, height: int | tf.Tensor, width: int | tf.Tensor) -> Any:
        """Returns the state before the first frame of a video.

        Args:
          height: rows of a frame.
          width: columns of a frame.
        """
        ...

    def step(self, images: tf.Tensor, state: Any) -> tuple[Prediction, Any]:
        """Segments the next frame of a video.

        Args:
          images: `[1, h, w, 6]`, 0 to 255: the frame and its other frame. A frame
            without a previous or next frame is its own neighbour.
          state: state after the previous frame; `initial_state` for the first frame.

        Returns:
          The prediction, with instance ids of the whole video in its panoptic maps, and
          the state after the frame.
        """
        ...
