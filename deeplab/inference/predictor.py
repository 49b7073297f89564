"""Prediction of images given as files, Pillow images or arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction, map_fields
from deeplab.inference.frame_inference import FrameInference
from deeplab.inference.image_inference import ImageInference, Preprocess
from deeplab.inference.read_image import AnyImage, read_image
from deeplab.models.deeplab import DeepLab

# Images [b, H, W, 3] uint8 -> their prediction.
Infer = Callable[[tf.Tensor], Prediction]


class VideoFunctions(NamedTuple):
    """The functions of a video model; see `FrameInference`."""

    # Frame [1, H, W, 3] uint8 -> the state before the first frame, of any type.
    initial_state: Callable[[tf.Tensor], Any]
    # Frame, its neighbour, state -> the prediction, and the state after the frame.
    frame: Callable[..., tuple[Prediction, Any]]
    # Which neighbour `frame` takes, "previous" or "next".
    other_frame: str


class Predictor:
    """Predicts images given as files, Pillow images or arrays.

    Attributes:
      info: meaning of the labels.
    """

    def __init__(
        self,
        infer: Infer | None,
        info: DatasetInfo,
        video_functions: VideoFunctions | None = None,
    ):
        """Wraps functions; see `Predictor.of_model` and `deeplab.load`.

        Args:
          infer: predicts images; None for a video model.
          info: meaning of the labels.
          video_functions: predict videos; None for an image model.
        """
        self._infer = infer
        self._video = video_functions
        self.info = info

    @property
    def takes_video(self) -> bool:
        """Whether the model predicts videos (with `video`), not single images."""
        return self._video is not None

    @classmethod
    def of_model(
        cls,
        model: DeepLab,
        preprocess: Preprocess,
        info: DatasetInfo,
        fields: Sequence[str] | None = None,
    ) -> Predictor:
        """Returns a predictor for a model in memory; see `ImageInference`."""
        video = model.video
        if video is not None:
            frames = FrameInference(video, preprocess, fields)
            functions = VideoFunctions(
                frames.initial_state, frames.frame, video.other_frame
            )
            return cls(None, info, functions)
        inference = ImageInference(model, preprocess, fields)
        signature = [tf.TensorSpec([None, None, None, 3], tf.uint8, "images")]
        return cls(tf.function(inference.images, input_signature=signature), info)

    @overload
    def __call__(self, image: AnyImage) -> Prediction: ...

    @overload
    def __call__(self, image: Sequence[AnyImage]) -> list[Prediction]: ...

    def __call__(self, image: Any) -> Any:
        """Predicts an image, a batch, or a list of images of any sizes.

        Args:
          image: a path, a Pillow image, or an array `[H, W, 3]` uint8, 0 to 255
            (grey, alpha and 16-bit images are converted); or an array `[b, H, W, 3]`;
            or a list of images.

        Returns:
          A `Prediction` of NumPy arrays at the size of the image, without batch
          dimension; with batch dimension for an array `[b, H, W, 3]`; a list for a
          list. Fields that the model does not return are None.

        Raises:
          ValueError: the input is not an image, or the model takes videos.
          OSError: a file cannot be read.
        """
        if self.takes_video:
            raise ValueError(
                "this model takes videos, not single images: iterate over "
                "predictor.video(frames)"
            )
        if isinstance(image, list | tuple):
            return [self(one) for one in image]
        if isinstance(image, np.ndarray) and image.ndim == 4:
            if not len(image):
                raise ValueError("the batch is empty: pass at least one image")
            return self._predict(np.stack([read_image(one) for one in image]))
        return _only_row(self._predict(read_image(image)[None]))

    def video(self, frames: Iterable[AnyImage]) -> Iterator[Prediction]:
        """Predicts the frames of one video, in order.

        Args:
          frames: images of one size, in any form that a call accepts; read one by one,
            at most one ahead of the predictions.

        Yields:
          A `Prediction` for each frame, as for an image; an instance keeps its id in
          `panoptic_pred` throughout the video.

        Raises:
          ValueError: the model takes single images, a frame is not an image, or the
            frames differ in size.
          OSError: a file cannot be read.
        """
        if self._video is None:
            raise ValueError(
                "this model takes single images, not videos: call the predictor with "
                "each image or a list of images"
            )
        return self._predict_video(self._video, map(read_image, frames))

    def _predict_video(
        self, model: VideoFunctions, frames: Iterator[np.ndarray]
    ) -> Iterator[Prediction]:
        state = None
        for before, frame, after in _with_neighbours(frames):
            images = tf.constant(frame[None])
            if state is None:
                state = model.initial_state(images)
            other = before if model.other_frame == "previous" else after
            prediction, state = model.frame(images, tf.constant(other[None]), state)
            yield _only_row(_as_arrays(prediction))

    def _predict(self, images: np.ndarray) -> Prediction:
        assert self._infer is not None
        return _as_arrays(self._infer(tf.constant(images)))


def _as_arrays(prediction: Prediction) -> Prediction:
    return map_fields(lambda _, value: value.numpy(), prediction)


def _only_row(prediction: Prediction) -> Prediction:
    """Removes the batch dimension from the prediction of a batch of one."""
    return map_fields(lambda _, value: value[0], prediction)


def _with_neighbours(
    frames: Iterator[np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields (previous, current, next); the current frame replaces a missing one."""
    last: np.ndarray | None = None
    current: np.ndarray | None = None
    for number, following in enumerate(frames):
        if current is not None:
            if following.shape != current.shape:
                raise ValueError(
                    f"frame {number} is {following.shape[0]} x {following.shape[1]} "
                    f"pixels, those before it {current.shape[0]} x {current.shape[1]}: "
                    "all frames of a video must have the same size"
                )
            yield current if last is None else last, current, following
            last = current
        current = following
    if current is not None:
        yield current if last is None else last, current, current
