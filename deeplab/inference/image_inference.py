"""From stored images to predictions of the same size, as a graph.

preprocess -> model -> undo: export and prediction share this path, and evaluation
undoes preprocessing with the same function, so that what was evaluated is what is
served. For the sizes, see `deeplab.core.structures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Prediction, map_fields, present
from deeplab.inference.field_choice import check_fields, chosen_fields
from deeplab.inference.undo import undo_preprocessing
from deeplab.ops.fields import pad_field

# Image [H, W, c] uint8 -> network input [h, w, c] float32, and the [2] int32 height and
# width of this input without padding.
Preprocess = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

_SIZE = tf.TensorSpec([2], tf.int32)


class ImageInference:
    """Preprocessing, model and its undoing as functions, for graphs and SavedModels."""

    def __init__(
        self,
        model: Callable[..., Prediction],
        preprocess: Preprocess,
        fields: Sequence[str] | None = None,
        *,
        channels: int = 3,
    ):
        """Combines a model with preprocessing and its undoing.

        Args:
          model: called with `[b, h, w, channels]` float32 images and `training=False`.
          preprocess: converts one image to the network's input.
          fields: names of the fields to return; None returns all that can be served.
          channels: number of channels of the images; encoded images always have 3.

        Raises:
          ValueError: a field is unknown.
        """
        check_fields(fields)
        self._model = model
        self._preprocess = preprocess
        self._fields = None if fields is None else tuple(fields)
        # One function for all callers, so that a SavedModel contains the network once.
        self._network = tf.function(
            self._predict,
            input_signature=[tf.TensorSpec([None] * 3 + [channels])],
            autograph=False,
        )

    def images(self, images: tf.Tensor) -> Prediction:
        """Predicts a batch of images of one size, `[b, H, W, channels]` uint8.

        Returns:
          A prediction with fields `[b, H, W, ...]`.
        """
        spec = tf.TensorSpec([None, None, images.shape[-1]], tf.float32)
        inputs, resized = tf.map_fn(
            self._preprocess, images, fn_output_signature=(spec, _SIZE)
        )
        size = tf.shape(images)[1:3]
        return undo_preprocessing(self._network(inputs), resized[0], size)

    def encoded(self, encoded: tf.Tensor) -> tuple[Prediction, tf.Tensor]:
        """Predicts a batch of encoded images, `[b]` JPEG or PNG files of any sizes.

        Images of different input sizes go through the network one by one, so that the
        prediction for an image does not depend on the others.

        Returns:
          A prediction as that of `images`, where `H` and `W` are the largest height and
          width; smaller images are at the upper left, padded with zeros. And the height
          and width of each image, `[b, 2]` int32.
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
        """Predicts each input without its padding, and pads the predictions."""

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
          function: takes the elements of `rows` for one image, and returns its
            prediction, with a batch dimension of 1.
          rows: nests of tensors, with a leading batch dimension.
          size: [2] int32, height and width that the fields are padded to.
          parallel_iterations: number of images to process in parallel.
        """

        def padded(row: tuple[Any, ...]) -> dict[str, tf.Tensor]:
            one = map_fields(
                lambda record, value: pad_field(record, value[0], size), function(*row)
            )
            # tf.map_fn does not support None, so absent fields are dropped.
            return present(one)

        fields = tf.map_fn(
            padded,
            rows,
            fn_output_signature=self._row_specs(),
            parallel_iterations=parallel_iterations,
        )
        return Prediction(**fields)

    def _row_specs(self) -> dict[str, tf.TensorSpec]:
        """Returns the specifications of the fields predicted for one image."""
        prediction = self._network.get_concrete_function().structured_outputs
        return {
            name: tf.TensorSpec(value.shape[1:], value.dtype)
            for name, value in present(prediction).items()
        }

    def _decode(
        self, encoded: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns inputs, padded to the largest one, and three [b, 2] arrays of sizes.

        The sizes are those of the input, of the input without its own padding, and of
        the image.
        """

        def prepare(data: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor, tf.Tensor]:
            image = tf.io.decode_image(data, channels=3, expand_animations=False)
            image.set_shape([None, None, 3])
            prepared, resized = self._preprocess(image)
            ragged = tf.RaggedTensor.from_tensor(  # pyright: ignore[reportAttributeAccessIssue]
                prepared, ragged_rank=1
            )
            return ragged, tf.shape(prepared)[:2], resized, tf.shape(image)[:2]

        image_spec = tf.RaggedTensorSpec([None, None, 3], tf.float32, ragged_rank=1)
        inputs, sizes, resized, raw = tf.map_fn(
            prepare, encoded, fn_output_signature=(image_spec, *[_SIZE] * 3)
        )
        inputs = tf.ensure_shape(inputs.to_tensor(), [None, None, None, 3])
        return inputs, sizes, resized, raw
