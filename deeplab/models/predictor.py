"""From images as they are stored to predictions of the same size.

preprocess -> model -> undo: one path, which evaluation, export and prediction share,
so that what was evaluated is what is served. Sizes: see `deeplab.core.structures`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo, read_description
from deeplab.core.structures import Prediction
from deeplab.data.encoded_image import as_rgb, encoded_rgb
from deeplab.ops.resize import resize_bilinear, resize_offsets

# Written beside an exported model: what its labels mean.
DATASET_FILE = "dataset.json"
# Signatures of an exported model.
SERVE_IMAGES = "serving_default"
SERVE_ENCODED = "serve_encoded"

# Image [H, W, 3] uint8 -> network input [h, w, 3] float32, and the size [2] int32 of
# the part of it that is not padding.
Preprocess = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# Images of equal size [b, H, W, 3] uint8 -> fields of a Prediction.
Infer = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
AnyImage = str | os.PathLike[str] | Image.Image | np.ndarray

_MEAN_PIXEL = 127.5
_CHANNELS = (1, 3, 4)


def undo_preprocessing(
    prediction: Prediction, resized_size: tf.Tensor, raw_size: tf.Tensor
) -> Prediction:
    """Returns a prediction at the size of the image as it was stored.

    Crops the padding and resizes with aligned corners: logits, probabilities,
    heatmap and offsets bilinearly (offsets then point to the same place), maps with
    one value per segment to the nearest pixel.

    Args:
      prediction: `[b, h, w, ...]` fields at the size of the network's input.
      resized_size: [2] int32, height and width of the part that shows the image.
      raw_size: [2] int32, height and width of the image as stored.
    """
    size = tf.unstack(tf.cast(raw_size, tf.int32), 2)
    fields = _present(prediction)
    cropped = {k: v[:, : resized_size[0], : resized_size[1]] for k, v in fields.items()}
    resized = tf.cond(
        tf.reduce_all(tf.equal(resized_size, raw_size)),
        lambda: cropped,
        lambda: {name: _resize(name, value, size) for name, value in cropped.items()},
    )
    return Prediction(**resized)


class Inference:
    """The whole path as a function of tensors, for graphs and SavedModels."""

    def __init__(
        self,
        model: Callable[..., Prediction],
        preprocess: Preprocess,
        fields: Sequence[str] | None = None,
    ):
        """Joins a model with what comes before and after it.

        Args:
          model: called with `[b, h, w, 3]` float32 images and `training=False`.
          preprocess: brings one image to the network's input.
          fields: what to predict; all that the model does when None.

        Raises:
          ValueError: a field is unknown.
        """
        unknown = sorted(set(fields or ()) - set(Prediction._fields))
        if unknown:
            raise ValueError(
                f"a prediction has no field {', '.join(unknown)}; it has: "
                f"{', '.join(Prediction._fields)}"
            )
        self._model = model
        self._preprocess = preprocess
        self._fields = None if fields is None else tuple(fields)

    def images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts a batch `[b, H, W, 3]` uint8 of images of one size.

        Returns:
          Name -> `[b, H, W, ...]`, the fields of a `Prediction`.
        """
        spec = tf.TensorSpec([None, None, 3], tf.float32)
        inputs, resized = tf.map_fn(
            self._preprocess,
            images,
            fn_output_signature=(spec, tf.TensorSpec([2], tf.int32)),
        )
        prediction = self._predict(inputs)
        size = tf.shape(images)[1:3]
        return _present(undo_preprocessing(prediction, resized[0], size))

    def encoded(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts a batch `[b]` of JPEG or PNG files, whose sizes may differ.

        Returns:
          As `images`, `H, W` being the largest height and width: smaller images lie
          in the upper left, zeros around them. `image_size`, `[b, 2]` int32, has the
          height and width of each.
        """
        inputs, resized, raw = self._decode(encoded)
        prediction = _present(self._predict(inputs))
        largest = tf.reduce_max(raw, axis=0)

        def undo(row: tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]) -> Any:
            fields = {name: value[None] for name, value in row[0].items()}
            undone = _present(undo_preprocessing(Prediction(**fields), *row[1:]))
            return {name: _pad(value[0], largest) for name, value in undone.items()}

        specs = {k: tf.TensorSpec(v.shape[1:], v.dtype) for k, v in prediction.items()}
        outputs = tf.map_fn(undo, (prediction, resized, raw), fn_output_signature=specs)
        return {**outputs, "image_size": raw}

    def _predict(self, inputs: tf.Tensor) -> Prediction:
        prediction = _present(self._model(inputs, training=False))
        names = prediction if self._fields is None else self._fields
        absent = [name for name in names if name not in prediction]
        if absent:
            raise ValueError(
                f"the model does not predict {', '.join(absent)}; it predicts: "
                f"{', '.join(prediction)}"
            )
        return Prediction(**{name: prediction[name] for name in names})

    def _decode(self, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns inputs padded to the largest, their sizes, and the stored sizes."""
        size_spec = tf.TensorSpec([2], tf.int32)

        def prepare(data: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
            image = tf.io.decode_image(data, channels=3, expand_animations=False)
            image.set_shape([None, None, 3])
            prepared, resized = self._preprocess(image)
            ragged = tf.RaggedTensor.from_tensor(prepared, ragged_rank=1)
            return ragged, resized, tf.shape(image)[:2]

        image_spec = tf.RaggedTensorSpec([None, None, 3], tf.float32, ragged_rank=1)
        inputs, resized, raw = tf.map_fn(
            prepare, encoded, fn_output_signature=(image_spec, size_spec, size_spec)
        )
        inputs = inputs.to_tensor(default_value=_MEAN_PIXEL)
        return tf.ensure_shape(inputs, [None, None, None, 3]), resized, raw


class Predictor:
    """Predicts images given as files, Pillow images or arrays.

    Attributes:
      info: what the labels mean.
    """

    def __init__(self, infer: Infer, info: DatasetInfo):
        """Wraps `infer`; see `Predictor.of_model` and `load`."""
        self._infer = infer
        self.info = info

    @classmethod
    def of_model(
        cls,
        model: Callable[..., Prediction],
        preprocess: Preprocess,
        info: DatasetInfo,
        fields: Sequence[str] | None = None,
    ) -> Predictor:
        """Returns the predictor of a model in memory; see `Inference`."""
        inference = Inference(model, preprocess, fields)
        signature = [tf.TensorSpec([None, None, None, 3], tf.uint8, "images")]
        return cls(tf.function(inference.images, input_signature=signature), info)

    def __call__(self, image: AnyImage | Sequence[AnyImage]) -> Any:
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
          ValueError: no image can be made of it.
          OSError: the file cannot be read.
        """
        if isinstance(image, list | tuple):
            return [self(one) for one in image]
        if isinstance(image, np.ndarray) and image.ndim == 4:
            if not len(image):
                raise ValueError("an empty batch: give at least one image")
            return self._predict(np.stack([_rgb_array(one) for one in image]))
        batch = self._predict(read_image(image)[None])
        return Prediction(**{k: v[0] for k, v in _present(batch).items()})

    def _predict(self, images: np.ndarray) -> Prediction:
        outputs = self._infer(tf.constant(images))
        return Prediction(**{name: value.numpy() for name, value in outputs.items()})


def load(folder: str | os.PathLike[str]) -> Predictor:
    """Loads a model that `deeplab export` wrote.

    Raises:
      ValueError: the folder does not hold such a model.
    """
    path = Path(folder)
    if not (path / "saved_model.pb").is_file():
        state = "holds no exported model" if path.is_dir() else "is no folder"
        raise ValueError(f"{path} {state}; make one with `deeplab export`")
    if not (path / DATASET_FILE).is_file():
        raise ValueError(
            f"{path} has no {DATASET_FILE}: an exported model of another program, or "
            "of an incomplete copy; export it again with `deeplab export`"
        )
    info = read_description(path / DATASET_FILE)
    signatures = tf.saved_model.load(str(path)).signatures
    if SERVE_IMAGES not in signatures:
        raise ValueError(f"{path} has no signature {SERVE_IMAGES!r}: export it again")
    signature = signatures[SERVE_IMAGES]
    return Predictor(lambda images: signature(images=images), info)


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


def _present(prediction: Prediction) -> dict[str, Any]:
    """Returns the fields that are there."""
    return {k: v for k, v in prediction._asdict().items() if v is not None}


def _resize(name: str, value: tf.Tensor, size: Sequence[tf.Tensor]) -> tf.Tensor:
    """Resizes `[b, h, w]` or `[b, h, w, c]` as the field's meaning asks."""
    height, width = size
    if name == "offset_map":
        return resize_offsets(value, (height, width))
    maps = value if value.shape.rank == 4 else value[..., None]
    if name in ("semantic_logits", "semantic_probs", "center_heatmap"):
        maps = resize_bilinear(maps, (height, width))
    else:
        maps = tf.raw_ops.ResizeNearestNeighbor(
            images=maps, size=tf.stack(size), align_corners=True
        )
    return maps if value.shape.rank == 4 else maps[..., 0]


def _pad(value: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Pads `[h, w, ...]` with zeros at the bottom and on the right."""
    missing = size - tf.shape(value)[:2]
    paddings = tf.pad(missing[:, None], [[0, value.shape.rank - 2], [1, 0]])
    return tf.pad(value, paddings)
