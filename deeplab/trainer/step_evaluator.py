"""Evaluation: any batch, any image sizes, any number of replicas, any metrics.

Images are handed to the metrics one by one, in the order of the data set and at
the size at which their labels are stored, whatever the batch and the replicas
are: the result does not depend on how the work was shared. Video models see the
frames one by one, in that order, and start anew with each video.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from deeplab.core.structures import Example, Prediction
from deeplab.losses.composite import CompositeLoss
from deeplab.metrics.base import Metric
from deeplab.models.inference import image_maps, present, undo_preprocessing
from deeplab.trainer.overlay_summaries import OverlaySummaries
from deeplab.trainer.shared_inference import SharedInference
from deeplab.trainer.video_inference import VideoInference
from deeplab.trainer.worker import Worker
from deeplab.visualization import Writer

# What metrics and writers need of an example; the model needs the image alone.
_KEPT_ALONE = (
    "semantic_raw",
    "panoptic_raw",
    "is_crowd_raw",
    "next_panoptic_raw",
    "depth_raw",
    "size_raw",
    "resized_size",
    "input_size",
    "image_filename",
    "sequence_id",
    "frame_id",
)
# What they share with the model or the losses.
_KEPT = ("image", "class_gt", *_KEPT_ALONE)
# One of them is there when there are targets.
_TARGETS = {"semantic_gt", "class_gt"}


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
        self._dataset = dataset
        self._model = model
        self._metrics = dict(metrics)
        self._loss = loss
        self._writers = (*writers, *([summaries] if summaries else []))
        self._after_batch = after_batch
        self._infer = SharedInference(self._predict, use_tf_function)
        self._track: VideoInference | None = None
        if getattr(model, "other_frame", None):
            self._track = VideoInference(self._predict_frame, model, use_tf_function)
        self._has_labels = False
        self._undo = undo_preprocessing
        if use_tf_function:
            self._undo = tf.function(undo_preprocessing, reduce_retracing=True)

    def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Evaluates `num_steps` batches, all when -1.

        Returns:
          "<metric>/<key>" -> value, and "losses/<term>" -> average over images;
          nothing when the images have no labels.
        """
        for metric in self._metrics.values():
            metric.reset()
        for writer in self._writers:
            writer.reset()
        if self._track is not None:
            self._track.reset()
        self._has_labels = False
        sums: dict[str, float] = {}
        images = 0
        with Worker(self._update) as worker:
            for batch in self._dataset.take(int(num_steps)):
                losses = self._evaluate_batch(batch, worker)
                for name, values in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(values.sum())
                images += batch["image"].shape[0]
                self._after_batch(batch["image"].shape[0])
        if not images:
            raise ValueError("the evaluation data set is empty: check its file_pattern")
        for writer in self._writers:
            writer.close()
        return self._results(sums, images)

    def _results(self, sums: Mapping[str, float], images: int) -> dict[str, float]:
        results = {f"losses/{name}": total / images for name, total in sums.items()}
        if not self._has_labels:
            return results
        for name, metric in self._metrics.items():
            for key, value in metric.result().items():
                results[f"{name}/{key}"] = float(value)
        return results

    def _evaluate_batch(
        self, batch: dict[str, tf.Tensor], worker: Worker
    ) -> dict[str, np.ndarray]:
        """Predicts a batch, queues its images, returns the losses per image."""
        predictions: dict[int, dict[str, tf.Tensor]] = {}
        losses: dict[str, list[np.ndarray]] = {}
        for size, rows in self._parts(batch["input_size"]):
            inputs = {
                name: _cropped(tf.gather(value, rows), size)
                for name, value in batch.items()
                if name not in _KEPT_ALONE
            }
            if self._track is not None:
                video = batch["sequence_id"][rows[0]].numpy().decode()
                prediction, part_losses = self._track(inputs, video)
            else:
                prediction, part_losses = self._infer(inputs)
            for name, values in part_losses.items():
                losses.setdefault(name, []).append(values.numpy())
            for i, row in enumerate(rows):
                predictions[row] = {k: v[i : i + 1] for k, v in prediction.items()}
        for row in sorted(predictions):
            worker.put(*self._one_image(batch, row, predictions[row]))
        return {name: np.concatenate(values) for name, values in losses.items()}

    def _parts(self, input_sizes: tf.Tensor) -> list[tuple[tuple[int, int], list[int]]]:
        """Returns what is predicted together: input sizes, and the rows of each.

        Rows of one size, so that padding depends on no batch; single ones of a video.
        """
        sizes = [(height, width) for height, width in input_sizes.numpy().tolist()]
        if self._track is not None:
            return [(size, [row]) for row, size in enumerate(sizes)]
        found: dict[tuple[int, int], list[int]] = {}
        for row, size in enumerate(sizes):
            found.setdefault(size, []).append(row)
        return list(found.items())

    def _predict(
        self, batch: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        return self._outputs(batch, self._model(batch["image"], training=False))

    def _predict_frame(self, batch: dict[str, tf.Tensor], state: Any) -> Any:
        prediction, state = self._model.step(batch["image"], state)
        return self._outputs(batch, prediction), state

    def _outputs(
        self, batch: dict[str, tf.Tensor], prediction: Prediction
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """Returns the fields of a prediction, and its losses if there are targets."""
        losses = {}
        if self._loss is not None and _TARGETS & batch.keys():
            losses = self._loss(Example(**batch), _as_output(prediction))
        # As large as the probabilities, and nothing after this needs both.
        maps = image_maps(prediction)._replace(semantic_logits=None, class_logits=None)
        return present(maps), losses

    def _one_image(
        self,
        batch: Mapping[str, tf.Tensor],
        row: int,
        prediction: Mapping[str, tf.Tensor],
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
        undone = self._undo(
            Prediction(**prediction), batch["resized_size"][row], batch["size_raw"][row]
        )
        arrays = {name: value[0].numpy() for name, value in present(undone).items()}
        return Example(**example), Prediction(**arrays)

    def _update(self, example: Example, prediction: Prediction) -> None:
        if example.semantic_raw is not None or example.class_gt is not None:
            self._has_labels = True
            for metric in self._metrics.values():
                metric.update(example, prediction)
        for writer in self._writers:
            writer.write(example, prediction)


def _cropped(value: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Cuts maps to the size of the input; what is no map stays."""
    return value[:, : size[0], : size[1]] if value.shape.rank > 2 else value


def _as_output(prediction: Prediction) -> Prediction:
    """Returns the continuous maps as losses take them: heatmaps have a channel."""
    if prediction.center_heatmap is None:
        return prediction
    return prediction._replace(center_heatmap=prediction.center_heatmap[..., None])
