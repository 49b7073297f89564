"""Inference of evaluation batches, in which each image is predicted independently.

Images go through the network without being padded to the largest one in their batch,
and are split among the replicas; the result does not depend on the split. Video models
take the frames one by one, in the order of the data set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab.core.structures import Batch, Example, Outputs, Prediction, map_fields
from deeplab.inference.field_choice import fields_where
from deeplab.inference.shared_inference import SharedInference
from deeplab.inference.video_inference import VideoInference
from deeplab.losses.composite import CompositeLoss
from deeplab.models.deeplab import DeepLab

Losses = dict[str, tf.Tensor]
# Height and width of the network's input, and the rows of the batch with this size.
Part = tuple[tuple[int, int], list[int]]


class BatchInference:
    """Predicts batches of any size, and computes the losses if there are targets."""

    def __init__(
        self,
        model: DeepLab,
        loss: CompositeLoss | None = None,
        *,
        use_tf_function: bool = True,
    ):
        """Prepares inference; must be called inside the scope of the strategy.

        Args:
          model: the model; called with images and `training=False`, it returns a
            `Prediction`.
          loss: loss to compute for batches with targets.
          use_tf_function: False runs the model eagerly, for debugging.
        """
        self._model = model
        self._loss = loss
        self._infer = SharedInference(self._predict, use_tf_function)
        self._track: VideoInference | None = None
        if model.video is not None:
            self._track = VideoInference(
                self._predict_frame, model.video, use_tf_function
            )

    def reset(self) -> None:
        """Forgets the videos seen so far."""
        if self._track is not None:
            self._track.reset()

    def __call__(self, batch: Batch) -> tuple[list[Prediction], dict[str, np.ndarray]]:
        """Predicts a batch.

        Returns:
          A prediction per image with the fields that can be evaluated, `[1, h, w, ...]`
          at the size of its input; and the losses, name -> [b] float32, in any order.
        """
        predictions: dict[int, Prediction] = {}
        losses: dict[str, list[np.ndarray]] = {}
        for size, rows in self._parts(batch.host["input_size"]):
            inputs = {
                name: _cropped(tf.gather(value, rows), size)
                for name, value in batch.device.items()
            }
            if self._track is not None:
                video = batch.host["sequence_id"][rows[0]].numpy().decode()
                prediction, part_losses = self._track(inputs, video)
            else:
                prediction, part_losses = self._infer(inputs)
            for name, values in part_losses.items():
                losses.setdefault(name, []).append(values.numpy())
            predictions |= {row: _row(prediction, i) for i, row in enumerate(rows)}
        ordered = [predictions[row] for row in sorted(predictions)]
        return ordered, {name: np.concatenate(v) for name, v in losses.items()}

    def _parts(self, input_sizes: tf.Tensor) -> list[Part]:
        """Splits a batch into parts that are predicted together.

        A part has images of one size, so that no padding depends on the batch; for
        video models, it has a single frame.
        """
        sizes = [(height, width) for height, width in input_sizes.numpy().tolist()]
        if self._track is not None:
            return [(size, [row]) for row, size in enumerate(sizes)]
        found: dict[tuple[int, int], list[int]] = {}
        for row, size in enumerate(sizes):
            found.setdefault(size, []).append(row)
        return list(found.items())

    def _predict(self, fields: Mapping[str, tf.Tensor]) -> tuple[Prediction, Losses]:
        return self._evaluated(fields, self._model(fields["image"], training=False))

    def _predict_frame(self, fields: Mapping[str, tf.Tensor], state: Any) -> Any:
        assert self._model.video is not None
        prediction, state = self._model.video.step(fields["image"], state)
        return self._evaluated(fields, prediction), state

    def _evaluated(
        self, fields: Mapping[str, tf.Tensor], prediction: Prediction
    ) -> tuple[Prediction, Losses]:
        """Returns the fields to evaluate, and the losses if there are targets."""
        losses: Losses = {}
        # All fields on the device other than the image are targets.
        if self._loss is not None and fields.keys() > {"image"}:
            losses = self._loss(Example(**fields), Outputs(prediction))
        return fields_where(prediction, lambda record: record.is_evaluated), losses


def _cropped(value: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Crops maps to the size of the input; returns other tensors unchanged."""
    return value[:, : size[0], : size[1]] if value.shape.rank > 2 else value


def _row(prediction: Prediction, index: int) -> Prediction:
    return map_fields(lambda _, value: value[index : index + 1], prediction)
