"""From images as they are stored to predictions of the same size, as a graph.

preprocess -> model -> undo: one path, which evaluation, export and prediction share,
so that what was evaluated is what is served. Sizes: see `deeplab.core.structures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.models.multiscale import OFFSET_FIELDS
from deeplab.ops.resize import resize_bilinear, resize_offsets

# Image [H, W, c] uint8 -> network input [h, w, c] float32, and the size [2] int32 of
# the part of it that is not padding.
Preprocess = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

# Fields of mask transformers that are no maps of the image.
_MASK_FIELDS = (
    "pixel_space_mask_logits",
    "transformer_class_logits",
    "pixel_space_normalized_feature",
)
# Fields that beside those have the stride of an auxiliary head.
_AUXILIARY_FIELDS = ("semantic_logits", "semantic_probs")
# Fields of the image as a whole.
_WHOLE_FIELDS = ("class_logits", "class_probs", "class_pred")
_SMOOTH = ("semantic_logits", "semantic_probs", "center_heatmap", "depth_pred")


def undo_preprocessing(
    prediction: Prediction, resized_size: tf.Tensor, raw_size: tf.Tensor
) -> Prediction:
    """Returns a prediction at the size of the image as it was stored.

    Crops the padding and resizes with aligned corners: logits, probabilities,
    heatmap and offsets bilinearly (offsets then point to the same place), maps with
    one value per segment to the nearest pixel. Leaves fields of the whole image as they
    are, and out what is neither.

    Args:
      prediction: `[b, h, w, ...]` fields at the size of the network's input.
      resized_size: [2] int32, height and width of the part that shows the image.
      raw_size: [2] int32, height and width of the image as stored.
    """
    height, width = tf.unstack(tf.cast(raw_size, tf.int32), 2)
    fields = present(image_maps(prediction))
    whole = {name: fields.pop(name) for name in _WHOLE_FIELDS if name in fields}
    cropped = {k: v[:, : resized_size[0], : resized_size[1]] for k, v in fields.items()}
    resized = tf.cond(
        tf.reduce_all(tf.equal(resized_size, raw_size)),
        lambda: cropped,
        lambda: {k: _resize(k, v, (height, width)) for k, v in cropped.items()},
    )
    return Prediction(**resized, **whole)


class Inference:
    """The whole path as a function of tensors, for graphs and SavedModels."""

    def __init__(
        self,
        model: Callable[..., Prediction],
        preprocess: Preprocess,
        fields: Sequence[str] | None = None,
        *,
        channels: int = 3,
    ):
        """Joins a model with what comes before and after it.

        Args:
          model: called with `[b, h, w, channels]` float32 images and `training=False`.
          preprocess: brings one image to the network's input.
          fields: what to predict; all that the model does when None.
          channels: of the images; of encoded ones always 3.

        Raises:
          ValueError: a field is unknown.
        """
        check_fields(fields)
        self._model = model
        self._preprocess = preprocess
        self._fields = None if fields is None else tuple(fields)
        # One function for every caller: a SavedModel holds the network once.
        self._network = tf.function(
            self._predict,
            input_signature=[tf.TensorSpec([None] * 3 + [channels])],
            autograph=False,
        )

    def images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts a batch `[b, H, W, channels]` uint8 of images of one size.

        Returns:
          Name -> `[b, H, W, ...]`, the fields of a `Prediction`.
        """
        spec = tf.TensorSpec([None, None, images.shape[-1]], tf.float32)
        inputs, resized = tf.map_fn(
            self._preprocess,
            images,
            fn_output_signature=(spec, tf.TensorSpec([2], tf.int32)),
        )
        prediction = Prediction(**self._network(inputs))
        size = tf.shape(images)[1:3]
        return present(undo_preprocessing(prediction, resized[0], size))

    def encoded(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts a batch `[b]` of JPEG or PNG files, whose sizes may differ.

        Images of different input sizes go through the network one by one: what is
        predicted for an image does not depend on the others.

        Returns:
          As `images`, `H, W` being the largest height and width: smaller images lie
          in the upper left, zeros around them. `image_size`, `[b, 2]` int32, has the
          height and width of each.
        """
        inputs, sizes, resized, raw = self._decode(encoded)
        prediction = tf.cond(
            tf.reduce_all(tf.equal(sizes, sizes[:1])),
            lambda: self._network(inputs),
            lambda: self._one_by_one(inputs, sizes),
        )
        largest = tf.reduce_max(raw, axis=0)

        def undo(row: tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]) -> Any:
            fields = {name: value[tf.newaxis] for name, value in row[0].items()}
            undone = present(undo_preprocessing(Prediction(**fields), *row[1:]))
            return {k: _padded(k, v[0], largest) for k, v in undone.items()}

        rows = (prediction, resized, raw)
        outputs = tf.map_fn(undo, rows, fn_output_signature=self._row_specs())
        return {**outputs, "image_size": raw}

    def _predict(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return chosen_fields(self._model(inputs, training=False), self._fields)

    def _one_by_one(self, inputs: tf.Tensor, sizes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Predicts padded inputs, each without its padding; pads the predictions."""
        largest = tf.shape(inputs)[1:3]

        def predict(row: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
            image, size = row
            fields = self._network(image[tf.newaxis, : size[0], : size[1]])
            return {k: _padded(k, v[0], largest) for k, v in fields.items()}

        return tf.map_fn(
            predict,
            (inputs, sizes),
            fn_output_signature=self._row_specs(),
            parallel_iterations=1,
        )

    def _row_specs(self) -> dict[str, tf.TensorSpec]:
        """Returns what the network predicts for one image of a batch."""
        fields = self._network.get_concrete_function().structured_outputs
        return {k: tf.TensorSpec(v.shape[1:], v.dtype) for k, v in fields.items()}

    def _decode(
        self, encoded: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns inputs padded to the largest, and three [b, 2] sizes of each.

        Of the input, of the part of it that shows the image, and of the image.
        """
        size_spec = tf.TensorSpec([2], tf.int32)

        def prepare(data: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor, tf.Tensor]:
            image = tf.io.decode_image(data, channels=3, expand_animations=False)
            image.set_shape([None, None, 3])
            prepared, resized = self._preprocess(image)
            ragged = tf.RaggedTensor.from_tensor(prepared, ragged_rank=1)
            return ragged, tf.shape(prepared)[:2], resized, tf.shape(image)[:2]

        image_spec = tf.RaggedTensorSpec([None, None, 3], tf.float32, ragged_rank=1)
        inputs, sizes, resized, raw = tf.map_fn(
            prepare, encoded, fn_output_signature=(image_spec, *[size_spec] * 3)
        )
        inputs = tf.ensure_shape(inputs.to_tensor(), [None, None, None, 3])
        return inputs, sizes, resized, raw


def check_fields(fields: Sequence[str] | None) -> None:
    """Raises ValueError if one is no field of a `Prediction`."""
    unknown = sorted(set(fields or ()) - set(Prediction._fields))
    if unknown:
        raise ValueError(
            f"a prediction has no field {', '.join(unknown)}; it has: "
            f"{', '.join(Prediction._fields)}"
        )


def chosen_fields(
    prediction: Prediction, fields: Sequence[str] | None
) -> dict[str, tf.Tensor]:
    """Returns the given fields of a prediction, all maps of the image when None.

    Raises:
      ValueError: the model does not predict one of them.
    """
    found = present(image_maps(prediction))
    names = found if fields is None else fields
    absent = [name for name in names if name not in found]
    if absent:
        raise ValueError(
            f"the model does not predict {', '.join(absent)}; it predicts: "
            f"{', '.join(found)}"
        )
    return {name: found[name] for name in names}


def present(prediction: Prediction) -> dict[str, Any]:
    """Returns the fields that are there."""
    return {k: v for k, v in prediction._asdict().items() if v is not None}


def image_maps(prediction: Prediction) -> Prediction:
    """Returns the fields with a value for each pixel of the input, or for all of it."""
    if not any(getattr(prediction, name) is not None for name in _MASK_FIELDS):
        return prediction
    return prediction._replace(**dict.fromkeys(_MASK_FIELDS + _AUXILIARY_FIELDS))


def _resize(
    name: str, value: tf.Tensor, size: tuple[tf.Tensor, tf.Tensor]
) -> tf.Tensor:
    """Resizes `[b, h, w]` or `[b, h, w, c]` as the field's meaning asks."""
    if name in OFFSET_FIELDS:
        return resize_offsets(value, size)
    flat = value.shape.rank == 3
    maps = tf.expand_dims(value, -1) if flat else value
    if name in _SMOOTH:
        maps = resize_bilinear(maps, size)
    else:
        maps = tf.raw_ops.ResizeNearestNeighbor(
            images=maps, size=tf.stack(size), align_corners=True
        )
    return tf.squeeze(maps, -1) if flat else maps


def _padded(name: str, value: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Pads a map `[h, w, ...]` with zeros at the bottom and on the right."""
    if name in _WHOLE_FIELDS:
        return value
    missing = size - tf.shape(value)[:2]
    paddings = tf.pad(missing[:, None], [[0, value.shape.rank - 2], [1, 0]])
    return tf.pad(value, paddings)
