"""Motion-DeepLab: a panoptic model of video that sees where instances were.

STEP: Segmenting and Tracking Every Pixel, Mark Weber et al., NeurIPS 2021 Datasets and
Benchmarks, https://arxiv.org/abs/2102.11859. The published model keeps what it
remembers of a video in variables and finds out that one begins by comparing frames;
here the memory is a value that goes in and comes out.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction, TrackState
from deeplab.models import MODELS
from deeplab.models.image_segmenter import ImageSegmenter


@MODELS.register("motion_deeplab")
class MotionDeepLab(ImageSegmenter):
    """Sees a frame, the one before, and a heatmap of the centres in that.

    `call` takes all three as the channels of an image, `[b, h, w, 7]`: the frames 0 to
    255, the heatmap 0 to 1. Not in training, it returns the images of the batch each
    numbered for itself; `step` tracks. `postprocess` is a `TrackAssignment`.
    """

    input_channels = 7
    other_frame = "previous"

    @property
    def state_spec(self) -> TrackState:
        """What the state of `step` is made of."""
        return self._tracker.state_spec

    def initial_state(
        self, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> TrackState:
        """Returns the state before the first frame of a video.

        Args:
          height: of the frames.
          width: of the frames.
        """
        return self._tracker.initial_state(height, width)

    def step(
        self, images: tf.Tensor, state: TrackState
    ) -> tuple[Prediction, TrackState]:
        """Segments the next frame of a video.

        Args:
          images: `[1, h, w, 6]`, the frame and the one before, 0 to 255; the first
            frame of a video comes before itself.
          state: after the frame before; `initial_state` at the first frame.

        Returns:
          The prediction, instances in `panoptic_pred` numbered by track over the
          classes of the whole video; the state after the frame.
        """
        heatmap = state.heatmap[..., tf.newaxis]
        inputs = tf.concat([tf.cast(images, tf.float32), heatmap], axis=-1)
        return self._tracker.track(self.predict_maps(inputs), state)

    @property
    def _tracker(self) -> Any:
        return self._postprocess
