"""A video model's outputs, frame by frame: what it remembers goes from one to the next.

Frames of a video depend on each other, so that one replica computes them all.
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
          function: from a dict of tensors of one frame, batch first, and a state, to
            any nest of tensors and the state after the frame.
          memory: knows the first state and what it is made of.
          use_tf_function: False runs it op by op, for debugging.
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
        """Returns what the function makes of the next frame.

        Args:
          frame: its tensors, among them `image`, `[1, h, w, c]`.
          video: name of its video. A new name, or another size, starts anew.

        Raises:
          ValueError: the frame has no video, or its video was left before.
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
                "the records do not say to which video a frame belongs, so that it "
                "cannot be tracked: convert the data set again"
            )
        if video in self._done:
            raise ValueError(
                f"the frames of video {video!r} do not follow each other in the "
                "evaluation data: convert it again, or name its files in order"
            )
        self._done.add(video)
        self._video, self._state = video, None

    def _graph(self, frame: Tensors) -> Callable[..., Any]:
        """Returns the function as one graph for frames of all sizes."""
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
