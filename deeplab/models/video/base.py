"""What the memory of a video model is."""

from __future__ import annotations

from typing import Any, Protocol

import tensorflow as tf

from deeplab.core.structures import Prediction


class VideoState(Protocol):
    """Runs a model over the frames of a video; the memory is a value.

    Attributes:
      other_frame: which frame the model takes besides the image, "previous" or
        "next".
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
          images: `[1, h, w, 6]`, 0 to 255: the frame and its other frame. The first
            frame of a video comes before itself, the last after itself.
          state: after the frame before; `initial_state` at the first frame.

        Returns:
          The prediction, instances in its panoptic maps numbered over the whole
          video; the state after the frame.
        """
        ...
