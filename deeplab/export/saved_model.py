"""Export of a model as a SavedModel that plain TensorFlow loads and serves.

The SavedModel includes pre- and post-processing. Its signatures:

  serving_default: `images` [b, H, W, 3] uint8, images of one size, which is arbitrary.
  serve_encoded: `encoded` [b] strings, JPEG or PNG files, whose sizes may differ; maps
    are padded with zeros to the largest size, and there is an additional output
    `image_size`.

A video model has these signatures instead; see `deeplab.inference.frame_inference`:

  initial_state: `images` [1, H, W, 3] uint8, a frame; returns the tensors `state_...`
    before the first frame of a video of that size.
  serve_video: `images`, a frame; `previous_images` (Motion-DeepLab; the frame itself
    if it is the first) or `next_images` (ViP-DeepLab; the frame itself if it is the
    last); and `state_...`. It also returns the `state_...` for the next frame.
  serving_default: the same as `serve_video` for Motion-DeepLab. For ViP-DeepLab,
    independent pairs: `images` and `next_images`, [b, H, W, 3].

Outputs are named after the fields of `deeplab.core.structures.Prediction`. The file
`dataset.json` next to the model defines the labels; `deeplab.load(folder)` reads both.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
import tf_keras

from deeplab.config import CONFIG_FILE
from deeplab.core.dataset_info import DatasetInfo, description_of
from deeplab.core.structures import present
from deeplab.inference.field_choice import served_fields
from deeplab.inference.frame_inference import FrameInference
from deeplab.inference.image_inference import ImageInference, Preprocess
from deeplab.inference.signatures import (
    DATASET_FILE,
    IMAGE_SIZE,
    INITIAL_STATE,
    SERVE_ENCODED,
    SERVE_IMAGES,
    SERVE_VIDEO,
    named_state,
    other_frames,
    state_of,
)
from deeplab.models.deeplab import DeepLab


def export(
    model: DeepLab,
    preprocess: Preprocess,
    info: DatasetInfo,
    output: str | os.PathLike[str],
    *,
    fields: Sequence[str] = (),
    config_text: str = "",
    overwrite: bool = False,
) -> Path:
    """Writes a model with its current weights as a SavedModel.

    The folder appears only once it is complete.

    Args:
      model: a built model; called with images and `training=False`, it returns a
        `Prediction`.
      preprocess: converts an image to the model's input; see
        `deeplab.inference.image_inference`.
      info: meaning of the labels.
      output: folder to write.
      fields: names of the fields to serve; if empty, those served by default.
      config_text: config of the model, to be written next to it.
      overwrite: whether to replace an existing folder.

    Returns:
      The folder.

    Raises:
      ValueError: the folder is not empty and `overwrite` is not set, or the model does
        not predict a field.
      OSError: the folder cannot be written.
    """
    folder = Path(output)
    refuse_existing(folder, overwrite)
    served = served_fields(model, fields)
    module = _Module(model, preprocess, served)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        tf.saved_model.save(module, str(temporary), signatures=module.signatures())
        description = json.dumps(description_of(info), indent=1) + "\n"
        (temporary / DATASET_FILE).write_text(description, encoding="utf-8")
        if config_text:
            (temporary / CONFIG_FILE).write_text(config_text, encoding="utf-8")
        _replace(temporary, folder)
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: cannot be written: {error.message}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Raises ValueError if the folder is not empty and must not be overwritten."""
    if folder.is_file():
        raise ValueError(f"{folder} is a file; choose another folder")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ValueError(
            f"{folder} is not empty; choose another folder, or use --overwrite"
        )


def cast_weights(source: tf_keras.Model, target: tf_keras.Model) -> None:
    """Copies weights between models that differ only in precision.

    Raises:
      ValueError: the shapes of the weights differ.
    """
    pairs = list(zip(source.variables, target.variables, strict=True))
    differing = [a.name for a, b in pairs if a.shape != b.shape]
    if differing:
        raise ValueError(
            "the models differ in more than precision: the shapes differ of "
            f"{', '.join(differing[:5])}"
        )
    for variable, copy in pairs:
        copy.assign(tf.cast(variable.value(), copy.dtype))


Signatures = dict[str, tf.types.experimental.ConcreteFunction]


class _Module(tf.Module):
    """Contains only variables and functions, no Keras objects."""

    def __init__(self, model: DeepLab, preprocess: Preprocess, fields: Sequence[str]):
        super().__init__(name="deeplab")
        # Tracking the model itself would also save the functions of all its layers.
        self.model_variables = list(model.variables)
        self._frames: FrameInference | None = None
        self._other = ""
        if model.video is not None:
            self._frames = FrameInference(model.video, preprocess, fields)
            self._other = model.video.other_frame
        self._images = ImageInference(
            model, preprocess, fields, channels=model.input_channels
        )

    def signatures(self) -> Signatures:
        if self._frames is not None:
            return self._video_signatures(self._frames, other_frames(self._other))
        images = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
        encoded = tf.TensorSpec([None], tf.string, "encoded")
        return {
            SERVE_IMAGES: tf.function(
                self._serve_images, input_signature=[images]
            ).get_concrete_function(),
            SERVE_ENCODED: tf.function(
                self._serve_encoded, input_signature=[encoded]
            ).get_concrete_function(),
        }

    def _serve_images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return present(self._images.images(images))

    def _serve_encoded(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        prediction, sizes = self._images.encoded(encoded)
        return {**present(prediction), IMAGE_SIZE: sizes}

    def _video_signatures(self, frames: FrameInference, others: str) -> Signatures:
        frame = tf.TensorSpec([1, None, None, 3], tf.uint8)

        def serve_video(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            state = state_of(frames.state_spec, inputs)
            prediction, state = frames.frame(inputs["images"], inputs[others], state)
            return {**present(prediction), **named_state(state)}

        def initial_state(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return named_state(frames.initial_state(images))

        def serve_pairs(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            both = tf.concat([inputs["images"], inputs[others]], axis=-1)
            return present(self._images.images(both))

        video = tf.function(serve_video).get_concrete_function(
            images=frame, **{others: frame}, **named_state(frames.state_spec)
        )
        start = tf.function(initial_state).get_concrete_function(images=frame)
        signatures = {SERVE_IMAGES: video, SERVE_VIDEO: video, INITIAL_STATE: start}
        if self._other == "next":
            pair = tf.TensorSpec([None, None, None, 3], tf.uint8)
            signatures[SERVE_IMAGES] = tf.function(serve_pairs).get_concrete_function(
                images=pair, **{others: pair}
            )
        return signatures


def _replace(temporary: Path, folder: Path) -> None:
    """Renames `temporary` to `folder`, and removes the folder that it replaces."""
    if not folder.exists():
        temporary.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old)
