"""Evaluation: any batch, any image sizes, any number of replicas, any metrics.

Images are handed to the metrics one by one, in the order of the data set and at
the size at which their labels are stored, whatever the batch and the replicas
are: the result does not depend on how the work was shared.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from deeplab.core.structures import Example, Prediction
from deeplab.losses.composite import CompositeLoss
from deeplab.metrics.base import Metric
from deeplab.models.inference import present, undo_preprocessing
from deeplab.trainer.overlay_summaries import OverlaySummaries
from deeplab.visualization import Writer

# What metrics and writers need of an example; the model needs the image alone.
_KEPT = (
    "image",
    "semantic_raw",
    "panoptic_raw",
    "is_crowd_raw",
    "size_raw",
    "resized_size",
    "image_filename",
)
# Images that may wait for the metrics: bounds the memory, hides their time.
_QUEUE_SIZE = 8


class StepEvaluator(orbit.AbstractEvaluator):
    """Runs the model over a data set and updates metrics while it computes."""

    def __init__(
        self,
        *,
        dataset: tf.data.Dataset,
        model: tf_keras.Model,
        metrics: Mapping[str, Metric],
        loss: CompositeLoss | None = None,
        writers: Sequence[Writer] = (),
        summaries: OverlaySummaries | None = None,
        use_tf_function: bool = True,
        after_batch: Callable[[int], None] = lambda images: None,
    ):
        """Prepares evaluation; call it inside the scope of the strategy.

        Args:
          dataset: one pass over the data, dicts of `Example` fields.
          model: called with images and `training=False`, returns a `Prediction`.
          metrics: by name; the names prefix the keys of the results.
          loss: averaged over the data when it has targets.
          writers: take every image with its prediction.
          summaries: likewise, for TensorBoard.
          use_tf_function: False runs the model op by op, for debugging.
          after_batch: called with the number of images done after every batch;
            what it raises ends the evaluation.
        """
        self._strategy = tf.distribute.get_strategy()
        self._dataset = dataset
        self._model = model
        self._metrics = dict(metrics)
        self._loss = loss
        self._summaries = summaries
        self._writers = (*writers, *([summaries] if summaries else []))
        self._after_batch = after_batch
        self._share = 1
        self._infer = self._distributed_inference
        self._undo = undo_preprocessing
        if use_tf_function:
            self._infer = tf.function(self._infer, reduce_retracing=True)
            self._undo = tf.function(self._undo, reduce_retracing=True)

    def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Evaluates `num_steps` batches, all when -1.

        Returns:
          "<metric>/<key>" -> value, and "losses/<term>" -> average over images.
        """
        for metric in self._metrics.values():
            metric.reset()
        for writer in self._writers:
            writer.reset()
        sums: dict[str, float] = {}
        images = 0
        with _Worker(self._update) as worker:
            for batch in self._dataset.take(int(num_steps)):
                losses = self._evaluate_batch(batch, worker)
                for name, values in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(values.sum())
                images += batch["image"].shape[0]
                self._after_batch(batch["image"].shape[0])
        if not images:
            raise ValueError("the evaluation data set is empty: check its file_pattern")
        if self._summaries is not None:
            self._summaries.flush()
        return self._results(sums, images)

    def _results(self, sums: Mapping[str, float], images: int) -> dict[str, float]:
        results = {f"losses/{name}": total / images for name, total in sums.items()}
        for name, metric in self._metrics.items():
            for key, value in metric.result().items():
                results[f"{name}/{key}"] = float(value)
        return results

    def _evaluate_batch(
        self, batch: dict[str, tf.Tensor], worker: _Worker
    ) -> dict[str, np.ndarray]:
        """Predicts a batch, queues its images, returns the losses per image."""
        count = len(batch["image"])
        outputs = self._infer(self._share_out(batch, count))
        losses: dict[str, list[np.ndarray]] = {}
        done = 0
        for prediction, part_losses in self._by_replica(outputs):
            valid = min(len(next(iter(prediction.values()))), count - done)
            for name, values in part_losses.items():
                losses.setdefault(name, []).append(values.numpy()[:valid])
            for index in range(valid):
                worker.put(*self._one_image(batch, done + index, prediction, index))
            done += valid
        return {name: np.concatenate(values) for name, values in losses.items()}

    def _share_out(self, batch: dict[str, tf.Tensor], count: int) -> Any:
        """Splits a batch over the replicas; the last image fills up what is short.

        Every batch is made as large as the largest so far: one graph serves all.
        """
        replicas = self._strategy.num_replicas_in_sync
        self._share = max(self._share, -(-count // replicas))
        rows = np.minimum(np.arange(self._share * replicas), count - 1)
        rows = rows.reshape(replicas, -1)
        needed = [name for name in batch if name not in _KEPT[1:]]
        if replicas == 1 and count == self._share:
            return {name: batch[name] for name in needed}

        def values(name: str) -> Any:
            return self._strategy.experimental_distribute_values_from_function(
                lambda context: tf.gather(
                    batch[name], rows[context.replica_id_in_sync_group]
                )
            )

        return {name: values(name) for name in needed}

    def _by_replica(self, outputs: Any) -> list[tuple[dict, dict]]:
        parts = [
            self._strategy.experimental_local_results(t)
            for t in tf.nest.flatten(outputs)
        ]
        return [
            tf.nest.pack_sequence_as(outputs, list(leaves))
            for leaves in zip(*parts, strict=True)
        ]

    def _distributed_inference(self, batch: Any) -> Any:
        return self._strategy.run(self._replica_inference, args=(batch,))

    def _replica_inference(
        self, batch: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        prediction = self._model(batch["image"], training=False)
        losses = {}
        if self._loss is not None and "semantic_gt" in batch:
            losses = self._loss(Example(**batch), _as_output(prediction))
        # As large as the probabilities, and nothing after this needs both.
        return present(prediction._replace(semantic_logits=None)), losses

    def _one_image(
        self,
        batch: Mapping[str, tf.Tensor],
        row: int,
        prediction: Mapping[str, tf.Tensor],
        index: int,
    ) -> tuple[Example, Prediction]:
        """Returns one image and its prediction, NumPy, at the original size."""
        height, width = batch["size_raw"][row].numpy()
        example = {
            name: value[row].numpy()[:height, :width]
            if name.endswith("_raw") and name != "size_raw"
            else value[row].numpy()
            for name, value in batch.items()
            if name in _KEPT
        }
        one = Prediction(**{k: v[index : index + 1] for k, v in prediction.items()})
        undone = self._undo(one, batch["resized_size"][row], batch["size_raw"][row])
        arrays = {name: value[0].numpy() for name, value in present(undone).items()}
        return Example(**example), Prediction(**arrays)

    def _update(self, example: Example, prediction: Prediction) -> None:
        if example.semantic_raw is not None:
            for metric in self._metrics.values():
                metric.update(example, prediction)
        for writer in self._writers:
            writer.write(example, prediction)


class _Worker:
    """Calls a function on items one after the other in a thread of its own."""

    def __init__(self, function: Callable[..., None]):
        self._function = function
        self._items: queue.Queue[tuple[Any, ...] | None] = queue.Queue(_QUEUE_SIZE)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Worker:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._items.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, *item: Any) -> None:
        """Queues an item; waits while the queue is full."""
        if self._error is not None:
            raise self._error
        self._items.put(item)

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            if self._error is not None:
                continue  # Empties the queue, so that nobody waits to put.
            try:
                self._function(*item)
            except Exception as error:  # Raised again where the items come from.
                self._error = error


def _as_output(prediction: Prediction) -> Prediction:
    """Returns the continuous maps as losses take them: heatmaps have a channel."""
    if prediction.center_heatmap is None:
        return prediction
    return prediction._replace(center_heatmap=prediction.center_heatmap[..., None])
