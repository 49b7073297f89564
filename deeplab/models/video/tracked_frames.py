"""Motion-DeepLab's state: the tracks, and the centres in the previous frame.

STEP: Segmenting and Tracking Every Pixel, Mark Weber et al., NeurIPS 2021 Datasets and
Benchmarks, https://arxiv.org/abs/2102.11859. The published model keeps its state in
variables and compares frames to detect the start of a video; here, the state is passed
in and returned.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.structures import Prediction, TrackState
from deeplab.models.deeplab import DeepLab
from deeplab.models.video import VIDEO_STATES
from deeplab.postprocess.track_assignment import TrackAssignment


@VIDEO_STATES.register("tracked_frames")
class TrackedFrames:
    """Feeds a heatmap of the previous centres to the network; see `VideoState`.

    The model takes `[b, h, w, 7]`: a frame, the previous one, and the heatmap, 0 to 1.
    """

    other_frame = "previous"

    def __init__(self, model: DeepLab):
        """Wraps a model whose post-processing is a `TrackAssignment`.

        Raises:
          TypeError: the model has other post-processing.
        """
        if not isinstance(model.postprocess, TrackAssignment):
            raise TypeError(
                "tracked_frames needs a model with TrackAssignment as post-processing, "
                f"not {model.postprocess}"
            )
        self._model = model
        self._assignment = model.postprocess

    @property
    def state_spec(self) -> TrackState:
        """See `VideoState`."""
        return self._assignment.state_spec

    def initial_state(
        self, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> TrackState:
        """Returns the state before the first frame; see `VideoState`."""
        return self._assignment.initial_state(height, width)

    def step(
        self, images: tf.Tensor, state: TrackState
    ) -> tuple[Prediction, TrackState]:
        """Segments the next frame of a video; see `VideoState`."""
        heatmap = state.heatmap[..., tf.newaxis]
        inputs = tf.concat([tf.cast(images, tf.float32), heatmap], axis=-1)
        return self._assignment.track(self._model.predict_maps(inputs), inputs, state)
