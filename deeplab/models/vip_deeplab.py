"""ViP-DeepLab: a panoptic model of pairs of frames, with depth.

ViP-DeepLab: Learning Visual Perception with Depth-aware Video Panoptic Segmentation,
Siyuan Qiao, Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.05258. The published model passes both frames through the
backbone twice in inference, to see each as the first; here once, with equal results.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction, StitchState
from deeplab.models import MODELS
from deeplab.models.image_segmenter import (
    ImageSegmenter,
    averaged_prediction,
    normalized,
)


@MODELS.register("vip_deeplab")
class ViPDeepLab(ImageSegmenter):
    """Sees a frame and the one after it, `[b, h, w, 6]`, 0 to 255.

    `call` numbers the instances of each pair for itself; `step` numbers those of a
    video. `head` is a `heads.vip_deeplab.ViPDeepLab` and `postprocess` a
    `VideoStitching`.
    """

    input_channels = 6
    other_frame = "next"

    @tf.autograph.experimental.do_not_convert
    def call(self, images: tf.Tensor, training: bool = False) -> Any:
        """Segments pairs of frames.

        Args:
          images: `[b, h, w, 6]` float32 or uint8, 0 to 255.
          training: whether to train.

        Returns:
          In training, the head's output at image size. Otherwise a `Prediction` of the
          first frames, with `next_panoptic_pred` of the second ones.
        """
        if training:
            return self._outputs(normalized(images), True)
        outputs = self._outputs(normalized(images), False)
        current, following = (
            averaged_prediction(frame) for frame in zip(*outputs, strict=True)
        )
        return self._stitcher.pair(current, following)

    def predict_maps(self, images: tf.Tensor) -> Prediction:
        """Returns the continuous maps of the first frames.

        Args:
          images: as in `call`.
        """
        outputs = self._outputs(normalized(images), False)
        return averaged_prediction([current for current, _ in outputs])

    @property
    def state_spec(self) -> StitchState:
        """What the state of `step` is made of."""
        return self._stitcher.state_spec

    def initial_state(
        self, height: int | tf.Tensor, width: int | tf.Tensor
    ) -> StitchState:
        """Returns the state before the first pair of a video.

        Args:
          height: of the frames.
          width: of the frames.
        """
        return self._stitcher.initial_state(height, width)

    def step(
        self, images: tf.Tensor, state: StitchState
    ) -> tuple[Prediction, StitchState]:
        """Segments the next frame of a video.

        Args:
          images: `[1, h, w, 6]`, the frame and the one after it, 0 to 255; the last
            frame of a video comes after itself.
          state: after the frame before; `initial_state` at the first frame.

        Returns:
          The prediction, its instances numbered over the whole video; the state after
          the frame.
        """
        return self._stitcher.stitch(self(images, training=False), state)

    def _run(self, images: tf.Tensor, pool_size: Any, training: bool = False) -> Any:
        """Returns the output of a pair; in inference also what follows says alone."""
        frames = tf.split(images, 2, axis=-1)
        if training:
            features, following = (self.backbone(f, training=True) for f in frames)
            return self.head(
                features, pool_size=pool_size, training=True, next_features=following
            )
        both = self.backbone(tf.concat(frames, axis=0), training=False)
        features = {key: tf.split(value, 2)[0] for key, value in both.items()}
        following = {key: tf.split(value, 2)[1] for key, value in both.items()}
        output = self.head(
            features, pool_size=pool_size, training=False, next_features=following
        )
        return output, self.head.single_frame(following, pool_size=pool_size)

    @property
    def _stitcher(self) -> Any:
        return self._postprocess
