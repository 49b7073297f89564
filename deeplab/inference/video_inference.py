"""Frame-by-frame inference of a video model, passing its state between frames.

The frames of a video depend on each other, so that a single replica computes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from deeplab.models.video.base import VideoState

Tensors = Mapping[str, tf.Tensor]


class VideoInference:
    """Runs a function over the frames of videos, one video after the other."""

    def __init__(
        self,
        function: Callable[[dict[str, tf.Tensor], Any], tuple[Any, Any]],
        memory: VideoState,
        use_tf_function: bool,
    ):
        """Wraps a function.

        Args:
          function: takes a dict of tensors of one frame, with a batch dimension, and a
            state; returns any nest of tensors, and the state after the frame.
          memory: provides the initial state and the specification of states.
          use_tf_function: False runs the function eagerly, for debugging.
        """
        self._function: Callable[..., Any] = function
        self._memory = memory
        self._use_tf_function = use_tf_function
        self._run: Callable[..., Any] | None = None
        self.reset()

    def reset(self) -> None:
        """Forgets all videos."""
        self._state: Any = None
        self._size = (0, 0)
        self._video: str | None = None
        self._done: set[str] = set()

    def __call__(self, frame: Tensors, video: str) -> Any:
        """Runs the function on the next frame.

        Args:
          frame: the frame's tensors, including `image`, `[1, h, w, c]`.
          video: name of the frame's video. A new name or a new frame size resets the
            state.

        Raises:
          ValueError: the video has no name, or was continued after another video.
        """
        height, width = tf.shape(frame["image"])[1:3].numpy().tolist()
        if video != self._video:
            self._begin(video)
        if self._state is None or (height, width) != self._size:
            self._state = self._memory.initial_state(height, width)
            self._size = height, width
        if self._run is None:
            self._run = self._graph(frame) if self._use_tf_function else self._function
        outputs, self._state = self._run(dict(frame), self._state)
        return outputs

    def _begin(self, video: str) -> None:
        if not video:
            raise ValueError(
                "the records do not specify the video of each frame, which tracking "
                "needs: convert the data set again"
            )
        if video in self._done:
            raise ValueError(
                f"the frames of video {video!r} are not consecutive in the evaluation "
                "data: convert it again, or name its files in order"
            )
        self._done.add(video)
        self._video, self._state = video, None

    def _graph(self, frame: Tensors) -> Callable[..., Any]:
        """Returns the function as a single graph for frames of all sizes."""
        specs = {
            name: tf.TensorSpec(
                [1, *[None] * min(2, value.shape.rank - 1), *value.shape[3:]],
                value.dtype,
            )
            for name, value in frame.items()
        }
        return tf.function(
            self._function,
            input_signature=[specs, self._memory.state_spec],
            autograph=False,
        )
