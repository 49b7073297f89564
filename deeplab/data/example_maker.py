"""From a record to one example: geometry, colour, targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deeplab.core import labels
from deeplab.core.dataset_info import DatasetInfo
from deeplab.data import geometry
from deeplab.data.autoaugment import autoaugment, find_policy
from deeplab.data.photometric import change_color, random_color_change
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.reader import RecordIndex, read_record, shuffled_record
from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, Segments
from deeplab.data.tfexample import parse_example


class ExampleMaker:
    """Turns the number of an example into its fields."""

    def __init__(
        self,
        config: PipelineConfig,
        info: DatasetInfo,
        targets: Sequence[str],
        index: RecordIndex,
        seed: int,
    ):
        self._config = config
        self._info = info
        self._targets = [TARGETS.get(name) for name in targets]
        self._index = index
        self._seed = seed
        self._void = labels.void_label(info.ignore_label, info.label_divisor)

    def check_training(self) -> None:
        """Raises ValueError if the config does not serve training."""
        if self._config.crop_size is None:
            raise ValueError("crop_size: training needs the height and width of a crop")
        if not self._config.has_labels:
            raise ValueError("decode_groundtruth_label is false: training needs labels")
        if self._config.augmentation.policy:
            find_policy(self._config.augmentation.policy)

    def training_example(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns a random crop of the example `number`, augmented."""
        config, augmentation = self._config, self._config.augmentation
        crop = config.crop_size
        assert crop is not None
        record = shuffled_record(number, len(self._index), self._seed)
        parsed = self._parse(record)
        key = tf.stack([tf.cast(self._seed, tf.int64), number])
        seeds = tf.random.split(key, 4)
        placement = geometry.random_placement(
            seeds[0],
            self._size_in_range(tf.shape(parsed["image"])[:2]),
            geometry.random_scale(
                seeds[1],
                augmentation.min_scale,
                augmentation.max_scale,
                augmentation.scale_step,
            ),
            crop,
            augmentation.flip,
        )
        image = geometry.sample_image(parsed["image"], placement)
        if augmentation.policy:
            image = autoaugment(image, seeds[2], augmentation.policy)
        image = change_color(image, random_color_change(seeds[3], augmentation.colors))
        label = geometry.sample_label(parsed["label"], placement)
        label = geometry.place(label, placement, crop, self._void)
        return {
            "image": geometry.place(image, placement, crop, geometry.MEAN_PIXEL),
            "image_filename": parsed["filename"],
            **self._label_targets(label),
        }

    def evaluation_example(self, record: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns a whole image, with its labels at input size and as stored."""
        parsed = self._parse(record)
        size = tf.shape(parsed["image"])[:2]
        image, resized = geometry.preprocess_for_inference(
            parsed["image"],
            crop_size=self._config.crop_size,
            output_stride=self._config.output_stride,
            **self._resize_values(),
        )
        fields = {
            "image": image,
            "image_filename": parsed["filename"],
            "size_raw": size,
            "resized_size": resized,
        }
        if self._config.has_labels:
            label = geometry.resize_label(parsed["label"], resized)
            label = geometry.pad(label, tf.shape(image)[:2], self._void)
            fields |= self._label_targets(label)
            fields |= self._raw_labels(parsed["label"])
        return fields

    def _parse(self, record: tf.Tensor) -> dict[str, tf.Tensor]:
        return parse_example(
            read_record(self._index, record),
            self._info.label_divisor,
            self._config.has_labels,
        )

    def _size_in_range(self, size: tf.Tensor) -> tf.Tensor:
        return geometry.size_in_range(size, **self._resize_values())

    def _resize_values(self) -> dict[str, Any]:
        return {
            "min_resize_value": self._config.min_resize_value,
            "max_resize_value": self._config.max_resize_value,
            "resize_factor": self._config.resize_factor,
        }

    def _label_targets(self, label: tf.Tensor) -> dict[str, tf.Tensor]:
        frames = Frames(Segments(label, self._info))
        fields: dict[str, tf.Tensor] = {}
        for target in self._targets:
            fields |= target(frames, self._config.target_options)
        for name, value in fields.items():
            if value.shape.rank > 1:
                value.set_shape([*label.shape, *value.shape[2:]])
            fields[name] = value
        return fields

    def _raw_labels(self, label: tf.Tensor) -> dict[str, tf.Tensor]:
        class_id, instance_id = labels.decode(label, self._info.label_divisor)
        things = tf.constant(self._info.thing_ids, tf.int32)
        is_thing = tf.reduce_any(class_id[..., tf.newaxis] == things, axis=-1)
        return {
            "semantic_raw": class_id,
            "panoptic_raw": label,
            "is_crowd_raw": is_thing & (instance_id == 0),
        }
