"""Evaluation examples: whole images, with labels at input size and as stored."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.example_source import MAPS, ExampleSource, joined_frames, metres
from deeplab.data.example_targets import ExampleTargets
from deeplab.data.geometry import pad, preprocess_for_inference, resize_label
from deeplab.data.pipeline_config import PipelineConfig


class EvaluationExamples:
    """Makes evaluation examples by their number, without randomness."""

    def __init__(
        self,
        source: ExampleSource,
        config: PipelineConfig,
        info: DatasetInfo,
        targets: ExampleTargets,
    ):
        """Makes examples for a pipeline that `check_pipeline` has accepted."""
        self._source = source
        self._resizing = config.resizing
        self._has_labels = config.has_labels
        self._is_video = info.is_video or config.previous_frame or config.next_frame
        self._info = info
        self._targets = targets

    def make(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the fields of example `number`, a scalar int64."""
        record = self._source.read(number)
        image, resized = preprocess_for_inference(joined_frames(record), self._resizing)
        input_size = tf.shape(image)[:2]
        fields = {
            "image": image,
            "image_filename": record["filename"],
            "size_raw": tf.shape(record["image"])[:2],
            "resized_size": resized,
            "input_size": input_size,
            **self._raw_maps(record),
        }
        if self._is_video:
            fields |= {name: record[name] for name in ("sequence_id", "frame_id")}
        if self._has_labels:
            maps = {
                name: self._resized_map(name, record[name], resized, input_size)
                for name in MAPS
                if name in record
            }
            fields |= self._targets(record, maps)
        return fields

    def _resized_map(
        self, name: str, values: tf.Tensor, resized: tf.Tensor, input_size: tf.Tensor
    ) -> tf.Tensor:
        shown = resize_label(values, resized)
        if name == "depth":
            unknown = float(self._info.ignore_depth or 0)
            return pad(metres(shown), input_size, unknown)
        return pad(shown, input_size, self._info.label_space.void)

    def _raw_maps(self, record: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the maps as they were stored."""
        fields = {}
        if "label" in record:
            fields |= self._raw_labels(record["label"])
        if "next_label" in record:
            fields["next_panoptic_raw"] = record["next_label"]
        if "depth" in record:
            fields["depth_raw"] = metres(record["depth"])
        return fields

    def _raw_labels(self, label: tf.Tensor) -> dict[str, tf.Tensor]:
        labels = self._info.label_space
        class_id, instance_id = labels.decode(label)
        things = tf.constant(labels.thing_ids, tf.int32)
        is_thing = tf.reduce_any(class_id[..., tf.newaxis] == things, axis=-1)
        return {
            "semantic_raw": class_id,
            "panoptic_raw": label,
            "is_crowd_raw": is_thing & (instance_id == 0),
        }
