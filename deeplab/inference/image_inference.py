"""From images as they are stored to predictions of the same size, as a graph.

preprocess -> model -> undo: one path, which evaluation, export and prediction share,
so that what was evaluated is what is served. Sizes: see `deeplab.core.structures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction, map_fields, present
from deeplab.inference.field_choice import check_fields, chosen_fields
from deeplab.inference.undo import undo_preprocessing
from deeplab.ops.fields import pad_field

# Image [H, W, c] uint8 -> network input [h, w, c] float32, and the size [2] int32 of
# the part of it that is not padding.
Preprocess = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

_SIZE = tf.TensorSpec([2], tf.int32)


class ImageInference:
    """The whole path as functions of tensors, for graphs and SavedModels."""

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
          channels: number of channels of the images; encoded ones always have 3.

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

    def images(self, images: tf.Tensor) -> Prediction:
        """Predicts a batch `[b, H, W, channels]` uint8 of images of one size.

        Returns:
          Fields `[b, H, W, ...]`.
        """
        spec = tf.TensorSpec([None, None, images.shape[-1]], tf.float32)
        inputs, resized = tf.map_fn(
            self._preprocess, images, fn_output_signature=(spec, _SIZE)
        )
        size = tf.shape(images)[1:3]
        return undo_preprocessing(self._network(inputs), resized[0], size)

    def encoded(self, encoded: tf.Tensor) -> tuple[Prediction, tf.Tensor]:
        """Predicts a batch `[b]` of JPEG or PNG files, whose sizes may differ.

        Images of different input sizes go through the network one by one: what is
        predicted for an image does not depend on the others.

        Returns:
          The prediction as of `images`, `H, W` being the largest height and width:
          smaller images lie in the upper left, zeros around them. And `[b, 2]` int32,
          height and width of each image.
        """
        inputs, sizes, resized, raw = self._decode(encoded)
        prediction = tf.cond(
            tf.reduce_all(tf.equal(sizes, sizes[:1])),
            lambda: self._network(inputs),
            lambda: self._one_by_one(inputs, sizes),
        )
        largest = tf.reduce_max(raw, axis=0)

        def undo(fields: dict[str, tf.Tensor], *sizes: tf.Tensor) -> Prediction:
            one = Prediction(
                **{name: value[tf.newaxis] for name, value in fields.items()}
            )
            return undo_preprocessing(one, *sizes)

        rows = (present(prediction), resized, raw)
        return self._each(undo, rows, largest), raw

    def _predict(self, inputs: tf.Tensor) -> Prediction:
        return chosen_fields(self._model(inputs, training=False), self._fields)

    def _one_by_one(self, inputs: tf.Tensor, sizes: tf.Tensor) -> Prediction:
        """Predicts padded inputs, each without its padding; pads the predictions."""

        def predict(image: tf.Tensor, size: tf.Tensor) -> Prediction:
            return self._network(image[tf.newaxis, : size[0], : size[1]])

        rows = (inputs, sizes)
        return self._each(predict, rows, tf.shape(inputs)[1:3], parallel_iterations=1)

    def _each(
        self,
        function: Callable[..., Prediction],
        rows: tuple[Any, ...],
        size: tf.Tensor,
        parallel_iterations: int | None = None,
    ) -> Prediction:
        """Maps a function over the images of a batch.

        Args:
          function: from the parts of a row to the prediction of one image, batch
            first.
          rows: nests of tensors, batch first.
          size: [2] int32, height and width that the fields are padded to.
          parallel_iterations: images that may be worked on together.
        """

        def padded(row: tuple[Any, ...]) -> dict[str, tf.Tensor]:
            one = map_fields(
                lambda record, value: pad_field(record, value[0], size), function(*row)
            )
            # tf.map_fn takes no absent fields.
            return present(one)

        fields = tf.map_fn(
            padded,
            rows,
            fn_output_signature=self._row_specs(),
            parallel_iterations=parallel_iterations,
        )
        return Prediction(**fields)

    def _row_specs(self) -> dict[str, tf.TensorSpec]:
        """Returns what the network predicts for one image of a batch."""
        prediction = self._network.get_concrete_function().structured_outputs
        return {
            name: tf.TensorSpec(value.shape[1:], value.dtype)
            for name, value in present(prediction).items()
        }

    def _decode(
        self, encoded: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns inputs padded to the largest, and three [b, 2] sizes of each.

        The sizes are those of the input, of the part of it that shows the image, and of
        the image.
        """

        def prepare(data: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor, tf.Tensor]:
            image = tf.io.decode_image(data, channels=3, expand_animations=False)
            image.set_shape([None, None, 3])
            prepared, resized = self._preprocess(image)
            ragged = tf.RaggedTensor.from_tensor(prepared, ragged_rank=1)
            return ragged, tf.shape(prepared)[:2], resized, tf.shape(image)[:2]

        image_spec = tf.RaggedTensorSpec([None, None, 3], tf.float32, ragged_rank=1)
        inputs, sizes, resized, raw = tf.map_fn(
            prepare, encoded, fn_output_signature=(image_spec, *[_SIZE] * 3)
        )
        inputs = tf.ensure_shape(inputs.to_tensor(), [None, None, None, 3])
        return inputs, sizes, resized, raw
