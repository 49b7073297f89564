"""Predictions of images in any form: files, Pillow images, arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo, read_description
from deeplab.core.structures import Prediction
from deeplab.data.encoded_image import as_rgb, encoded_rgb
from deeplab.models.frame_inference import FrameInference
from deeplab.models.inference import Inference, Preprocess, present

# Written beside an exported model: what its labels mean.
DATASET_FILE = "dataset.json"
# Signatures of an exported model.
SERVE_IMAGES = "serving_default"
SERVE_ENCODED = "serve_encoded"
SERVE_VIDEO = "serve_video"
INITIAL_STATE = "initial_state"

# Images of equal size [b, H, W, 3] uint8 -> fields of a Prediction.
Infer = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
AnyImage = str | os.PathLike[str] | Image.Image | np.ndarray

_CHANNELS = (1, 3, 4)


class VideoFunctions(NamedTuple):
    """How a video model is called, see `FrameInference`."""

    # Frame [1, H, W, 3] uint8 -> the state before a video.
    initial_state: Infer
    # Frame, its neighbour, state -> fields of a Prediction, and the state after it.
    frame: Callable[..., Mapping[str, tf.Tensor]]
    # Which neighbour it is, "previous" or "next".
    other_frame: str


class Predictor:
    """Predicts images given as files, Pillow images or arrays.

    Attributes:
      info: what the labels mean.
    """

    def __init__(
        self,
        infer: Infer | None,
        info: DatasetInfo,
        video_functions: VideoFunctions | None = None,
    ):
        """Wraps functions; see `Predictor.of_model` and `load`.

        Args:
          infer: of images; None for a video model.
          info: what the labels mean.
          video_functions: of a video model.
        """
        self._infer = infer
        self._video = video_functions
        self.info = info

    @property
    def takes_video(self) -> bool:
        """Whether it predicts videos (with `video`) and no single images."""
        return self._video is not None

    @classmethod
    def of_model(
        cls,
        model: Callable[..., Prediction],
        preprocess: Preprocess,
        info: DatasetInfo,
        fields: Sequence[str] | None = None,
    ) -> Predictor:
        """Returns the predictor of a model in memory; see `Inference`."""
        other = getattr(model, "other_frame", None)
        if other is not None:
            frames = FrameInference(model, preprocess, fields)
            return cls(
                None, info, VideoFunctions(frames.initial_state, frames.frame, other)
            )
        inference = Inference(model, preprocess, fields)
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
            (grey, alpha and 16 bits are converted); or an array `[b, H, W, 3]`; or a
            list of images.

        Returns:
          A `Prediction` of NumPy arrays at the size of the image, without batch
          dimension; with it for an array `[b, H, W, 3]`; a list for a list. What
          the model was exported without is None.

        Raises:
          ValueError: no image can be made of it, or the model takes videos.
          OSError: the file cannot be read.
        """
        if self.takes_video:
            raise ValueError(
                "this model predicts videos, not single images: iterate over "
                "predictor.video(frames)"
            )
        if isinstance(image, list | tuple):
            return [self(one) for one in image]
        if isinstance(image, np.ndarray) and image.ndim == 4:
            if not len(image):
                raise ValueError("an empty batch: give at least one image")
            return self._predict(np.stack([_rgb_array(one) for one in image]))
        batch = self._predict(read_image(image)[None])
        return Prediction(**{k: v[0] for k, v in present(batch).items()})

    def video(self, frames: Iterable[AnyImage]) -> Iterator[Prediction]:
        """Predicts the frames of one video, in their order.

        Args:
          frames: images of one size, as in a call; taken one by one, at most one ahead
            of the predictions.

        Yields:
          For each frame a `Prediction` as of an image; the ids in `panoptic_pred` stay
          with an instance through the video.

        Raises:
          ValueError: the model takes images, no image can be made of a frame, or
            frames differ in size.
          OSError: a file cannot be read.
        """
        if self._video is None:
            raise ValueError(
                "this model predicts images, which do not depend on each other: call "
                "the predictor with them"
            )
        return self._predict_video(self._video, map(read_image, frames))

    def _predict_video(
        self, model: VideoFunctions, frames: Iterator[np.ndarray]
    ) -> Iterator[Prediction]:
        state: Mapping[str, tf.Tensor] = {}
        for before, frame, after in _with_neighbours(frames):
            images = tf.constant(frame[None])
            if not state:
                state = model.initial_state(images)
            other = before if model.other_frame == "previous" else after
            outputs = dict(model.frame(images, tf.constant(other[None]), state))
            state = {name: outputs.pop(name) for name in state}
            yield Prediction(
                **{name: value[0].numpy() for name, value in outputs.items()}
            )

    def _predict(self, images: np.ndarray) -> Prediction:
        assert self._infer is not None
        outputs = self._infer(tf.constant(images))
        return Prediction(**{name: value.numpy() for name, value in outputs.items()})


def _with_neighbours(
    frames: Iterator[np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields each frame between its neighbours; itself where it has none."""
    last: np.ndarray | None = None
    current: np.ndarray | None = None
    for number, following in enumerate(frames):
        if current is not None:
            if following.shape != current.shape:
                raise ValueError(
                    f"frame {number} is {following.shape[0]} x {following.shape[1]} "
                    f"pixels, those before it {current.shape[0]} x {current.shape[1]}: "
                    "the frames of a video have one size"
                )
            yield current if last is None else last, current, following
            last = current
        current = following
    if current is not None:
        yield current if last is None else last, current, current


def load(folder: str | os.PathLike[str]) -> Predictor:
    """Loads a model that `deeplab export` wrote.

    Raises:
      ValueError: the folder does not hold such a model.
    """
    path = Path(folder)
    if not (path / "saved_model.pb").is_file():
        state = "holds no exported model" if path.is_dir() else "is not a directory"
        raise ValueError(f"{path} {state}; make one with `deeplab export`")
    if not (path / DATASET_FILE).is_file():
        raise ValueError(
            f"{path} has no {DATASET_FILE}: an exported model of another program, or "
            "of an incomplete copy; export it again with `deeplab export`"
        )
    info = read_description(path / DATASET_FILE)
    signatures = tf.saved_model.load(str(path)).signatures
    if SERVE_VIDEO in signatures:
        return Predictor(None, info, _served_video(signatures))
    if SERVE_IMAGES not in signatures:
        raise ValueError(f"{path} has no signature {SERVE_IMAGES!r}: export it again")
    signature = signatures[SERVE_IMAGES]
    return Predictor(lambda images: signature(images=images), info)


def _served_video(signatures: Mapping[str, Any]) -> VideoFunctions:
    serve, start = signatures[SERVE_VIDEO], signatures[INITIAL_STATE]
    inputs = serve.structured_input_signature[1]
    other = "previous" if "previous_images" in inputs else "next"

    def frame(images: tf.Tensor, others: tf.Tensor, state: Mapping[str, Any]) -> Any:
        return serve(images=images, **{f"{other}_images": others}, **state)

    return VideoFunctions(lambda images: start(images=images), frame, other)


def read_image(image: AnyImage) -> np.ndarray:
    """Returns an image as `[H, W, 3]` uint8.

    Files are decoded as the input pipeline does it. Grey values are repeated, alpha
    is dropped, 16 bits keep the upper 8. Rotations noted in a file are not applied.

    Args:
      image: a path, a Pillow image, or an array `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or
        `[H, W, 4]`, uint8 or uint16.

    Raises:
      ValueError: the file is broken, or the array is no image.
      OSError: the file cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _rgb_array(image)
    if isinstance(image, Image.Image):
        return np.asarray(as_rgb(image, "image"))
    path = Path(image)
    encoded = encoded_rgb(path.read_bytes(), str(path))
    try:
        decoded = tf.io.decode_image(encoded.data, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"{path}: not a readable image: {error.message}") from error
    return decoded.numpy()


def _rgb_array(image: np.ndarray) -> np.ndarray:
    pixels = image[..., None] if image.ndim == 2 else image
    if (
        pixels.ndim != 3
        or pixels.shape[-1] not in _CHANNELS
        or not pixels.size
        or pixels.dtype not in (np.uint8, np.uint16)
    ):
        raise ValueError(
            f"an image is [H, W, 3] uint8, 0 to 255, not {image.dtype}"
            f"{list(image.shape)}"
        )
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    channels = (0, 0, 0) if pixels.shape[-1] == 1 else (0, 1, 2)
    return np.ascontiguousarray(pixels[..., channels])
