"""ViP-DeepLab's state: the second frame of the previous pair, with its video ids.

ViP-DeepLab: Learning Visual Perception with Depth-aware Video Panoptic Segmentation,
Siyuan Qiao, Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.05258.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.structures import Prediction, StitchState
from deeplab.models.deeplab import DeepLab
from deeplab.models.video import VIDEO_STATES
from deeplab.postprocess.video_stitching import VideoStitching


@VIDEO_STATES.register("stitched_pairs")
class StitchedPairs:
    """Joins independently predicted pairs of frames; see `VideoState`."""

    other_frame = "next"

    def __init__(self, model: DeepLab):
        """Wraps a model whose post-processing is a `VideoStitching`.

        Raises:
          TypeError: the model has other post-processing.
        """
        if not isinstance(model.postprocess, VideoStitching):
            raise TypeError(
                "stitched_pairs needs a model with VideoStitching as post-processing, "
                f"not {model.postprocess}"
            )
        self._model = model
        self._stitching = model.postprocess

    @property
    def state_spec(self) -> StitchState:
        """See `VideoState`."""
        return self._stitching.state_spec

    def initial_state(
        self, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> StitchState:
        """Returns the state before the first pair; see `VideoState`."""
        return self._stitching.initial_state(height, width)

    def step(
        self, images: tf.Tensor, state: StitchState
    ) -> tuple[Prediction, StitchState]:
        """Segments the next frame of a video; see `VideoState`."""
        return self._stitching.stitch(self._model(images, training=False), state)
