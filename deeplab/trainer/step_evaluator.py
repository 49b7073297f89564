"""Evaluation with any batch size, image sizes, number of replicas and metrics.

Metrics receive the images one by one, in the order of the data set and at the size of
the stored labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import orbit
import tensorflow as tf

from deeplab.core.structures import (
    EXAMPLE_FIELDS,
    Batch,
    Example,
    Prediction,
    map_fields,
)
from deeplab.inference.batch_inference import BatchInference
from deeplab.inference.undo import undo_preprocessing
from deeplab.losses.composite import CompositeLoss
from deeplab.metrics.base import Metric
from deeplab.models.deeplab import DeepLab
from deeplab.trainer.overlay_summaries import OverlaySummaries
from deeplab.trainer.worker import Worker
from deeplab.visualization import Writer


class StepEvaluator(orbit.AbstractEvaluator):
    """Runs the model over a data set, and updates metrics in a thread meanwhile."""

    def __init__(
        self,
        *,
        dataset: tf.data.Dataset,
        model: DeepLab,
        metrics: Mapping[str, Metric],
        loss: CompositeLoss | None = None,
        writers: Sequence[Writer] = (),
        summaries: OverlaySummaries | None = None,
        use_tf_function: bool = True,
        after_batch: Callable[[int], None] = lambda images: None,
    ):
        """Prepares evaluation; call this inside the scope of the strategy.

        Args:
          dataset: one pass over the data, in batches.
          model: called with images and `training=False`; returns a `Prediction`.
          metrics: metrics by name; the names prefix the keys of the results.
          loss: averaged over the data if it has targets.
          writers: receive every image with its prediction.
          summaries: the same, for TensorBoard.
          use_tf_function: False runs the model eagerly, for debugging.
          after_batch: called after every batch with its number of images; an exception
            that it raises ends the evaluation.
        """
        self._dataset = dataset
        self._metrics = dict(metrics)
        self._writers = (*writers, *([summaries] if summaries else []))
        self._after_batch = after_batch
        self._infer = BatchInference(model, loss, use_tf_function=use_tf_function)
        self._has_labels = False
        self._undo = undo_preprocessing
        if use_tf_function:
            self._undo = tf.function(
                undo_preprocessing, reduce_retracing=True, autograph=False
            )

    def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Evaluates `num_steps` batches; -1 for all.

        Returns:
          "<metric>/<key>" -> value, and "losses/<term>" -> average over images;
          without labels there are no metrics.

        Raises:
          ValueError: the data set is empty.
        """
        self._reset()
        sums: dict[str, float] = {}
        images = 0
        with Worker(self._update) as worker:
            for batch in self._dataset.take(int(num_steps)):
                predictions, losses = self._infer(batch)
                for row, prediction in enumerate(predictions):
                    worker.put(*self._one_image(batch, row, prediction))
                for name, values in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(values.sum())
                images += len(predictions)
                self._after_batch(len(predictions))
        if not images:
            raise ValueError("the evaluation data set is empty: check its file_pattern")
        for writer in self._writers:
            writer.close()
        return self._results(sums, images)

    def _reset(self) -> None:
        for metric in self._metrics.values():
            metric.reset()
        for writer in self._writers:
            writer.reset()
        self._infer.reset()
        self._has_labels = False

    def _results(self, sums: Mapping[str, float], images: int) -> dict[str, float]:
        results = {f"losses/{name}": total / images for name, total in sums.items()}
        if not self._has_labels:
            return results
        for name, metric in self._metrics.items():
            for key, value in metric.result().items():
                results[f"{name}/{key}"] = float(value)
        return results

    def _one_image(
        self, batch: Batch, row: int, prediction: Prediction
    ) -> tuple[Example, Prediction]:
        """Returns one image and its prediction as NumPy arrays of the original size."""
        undone = self._undo(
            prediction, batch.host["resized_size"][row], batch.host["size_raw"][row]
        )
        arrays = map_fields(lambda _, value: value[0].numpy(), undone)
        return _kept_example(batch, row), arrays

    def _update(self, example: Example, prediction: Prediction) -> None:
        if example.semantic_raw is not None or example.class_gt is not None:
            self._has_labels = True
            for metric in self._metrics.values():
                metric.update(example, prediction)
        for writer in self._writers:
            writer.write(example, prediction)


def _kept_example(batch: Batch, row: int) -> Example:
    """Returns the fields that metrics and writers need; labels without padding."""
    height, width = batch.host["size_raw"][row].numpy()
    fields: dict[str, np.ndarray] = {}
    for name, value in {**batch.device, **batch.host}.items():
        if EXAMPLE_FIELDS[name].is_kept:
            array = value[row].numpy()
            as_stored = EXAMPLE_FIELDS[name].as_stored
            fields[name] = array[:height, :width] if as_stored else array
    return Example(**fields)
