"""From records to batches of training or evaluation examples.

Everything random is a function of the seed and the number of the example: the same
seed gives the same batches, on any number of hosts and threads, and a pipeline whose
iterator is restored from a checkpoint goes on with the very next example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from deeplab.core import labels
from deeplab.core.dataset_info import DatasetInfo
from deeplab.data import geometry
from deeplab.data.autoaugment import autoaugment, find_policy
from deeplab.data.photometric import ColorRanges, change_color, random_color_change
from deeplab.data.reader import (
    RecordIndex,
    example_numbers,
    index_records,
    read_record,
    shuffled_record,
)
from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, Segments, TargetOptions
from deeplab.data.tfexample import parse_example

_PREFETCHED_BATCHES = 2


@dataclass(frozen=True)
class Augmentation:
    """What changes at random in training.

    Attributes:
      min_scale: smallest factor on the size of the image.
      max_scale: largest.
      scale_step: distance between the factors; 0 draws any.
      flip: mirrors half of the images.
      policy: name of an AutoAugment policy; empty for none.
      colors: changes of colour.
    """

    min_scale: float = 1.0
    max_scale: float = 1.0
    scale_step: float = 0.0
    flip: bool = True
    policy: str = ""
    colors: ColorRanges = field(default_factory=ColorRanges)


@dataclass(frozen=True)
class PipelineConfig:
    """Where the examples come from, and their size.

    Attributes:
      file_patterns: of the TFRecord files.
      crop_size: (height, width) of what the model sees. None only in evaluation.
      output_stride: of the model.
      min_resize_value: see `geometry.size_in_range`.
      max_resize_value: see `geometry.size_in_range`.
      resize_factor: see `geometry.size_in_range`.
      has_labels: False leaves labels, and what follows from them, out.
      augmentation: in training.
      target_options: of the targets.
    """

    file_patterns: tuple[str, ...]
    crop_size: tuple[int, int] | None
    output_stride: int
    min_resize_value: tuple[int, ...] = ()
    max_resize_value: tuple[int, ...] = ()
    resize_factor: int = 0
    has_labels: bool = True
    augmentation: Augmentation = field(default_factory=Augmentation)
    target_options: TargetOptions = field(default_factory=TargetOptions)


def build_pipeline(
    config: PipelineConfig,
    info: DatasetInfo,
    *,
    training: bool,
    targets: Sequence[str],
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Builds the pipeline of one split.

    Args:
      config: where the examples come from, and their size.
      info: what the labels mean.
      training: endless, shuffled, augmented, crops of one size. Otherwise one pass in
        the order of the files: whole images, with their labels as stored besides,
        each padded to the largest of its batch; the last batch may be smaller.
      targets: names in `TARGETS`.
      batch_size: images of a global batch, over all replicas.
      seed: of order and augmentation.
      first_batch: the batch to start with, in training: a run that was stopped after
        n batches goes on with batch n, without reading those before.
      input_context: which part of each batch to deliver, under a distribution
        strategy that builds one pipeline per host; batches are then those of one
        replica.

    Returns:
      A data set of dicts with fields of `Example`, absent ones left out.

    Raises:
      FileNotFoundError: a pattern matches no file.
      ValueError: a file is damaged, or options do not fit each other.
    """
    index = index_records(config.file_patterns)
    numbers = example_numbers(
        len(index),
        training=training,
        batch_size=batch_size,
        first_batch=first_batch,
        input_context=input_context,
    )
    maker = _ExampleMaker(config, info, targets, index, seed)
    if training:
        maker.check_training()
    make = maker.training_example if training else maker.evaluation_example
    examples = numbers.map(
        # Plain graph code: rewriting it would only take time.
        tf.autograph.experimental.do_not_convert(make),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if input_context:
        batch_size = input_context.get_per_replica_batch_size(batch_size)
    if training:
        batches = examples.batch(batch_size, drop_remainder=True)
    else:
        batches = examples.padded_batch(
            batch_size, padding_values=_padding_values(examples, info)
        )
    # A fixed number: batches of large crops take gigabytes when more are kept.
    return batches.prefetch(_PREFETCHED_BATCHES).with_options(_options())


class _ExampleMaker:
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


def _padding_values(examples: tf.data.Dataset, info: DatasetInfo) -> dict[str, Any]:
    """Returns what fills up the smaller images of an evaluation batch."""
    spec: Any = examples.element_spec
    void = labels.void_label(info.ignore_label, info.label_divisor)
    known = {
        "image": geometry.MEAN_PIXEL,
        "semantic_gt": info.ignore_label,
        "semantic_raw": info.ignore_label,
        "panoptic_gt": void,
        "panoptic_raw": void,
    }
    return {
        name: tf.constant(known[name], kind.dtype)
        if name in known
        else tf.zeros([], kind.dtype)
        for name, kind in spec.items()
    }


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # A checkpoint holds the position, not the images that are under way.
    options.experimental_symbolic_checkpoint = True
    # Reading a record counts as stateful, although it depends on its number alone.
    options.experimental_external_state_policy = (
        tf.data.experimental.ExternalStatePolicy.IGNORE
    )
    # Whole examples side by side are faster than the parts of one.
    options.threading.max_intra_op_parallelism = 1
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return options


def pipeline_config(options: Any, output_stride: int, training: bool) -> PipelineConfig:
    """Returns the pipeline of a `DatasetOptions` message.

    Raises:
      ValueError: an option is out of range.
    """
    crop = tuple(options.crop_size)
    if len(crop) not in (0, 2):
        raise ValueError(f"crop_size {list(crop)}: give height and width")
    for name in ("min_resize_value", "max_resize_value"):
        geometry.resize_pair(getattr(options, name))
    # Published configs set both whether or not small instances count more.
    threshold = options.small_instance_threshold
    weight = options.small_instance_weight
    small = options.increase_small_instance_weights
    return PipelineConfig(
        file_patterns=tuple(options.file_pattern),
        crop_size=(crop[0], crop[1]) if crop else None,
        output_stride=output_stride,
        min_resize_value=tuple(options.min_resize_value),
        max_resize_value=tuple(options.max_resize_value),
        resize_factor=options.resize_factor,
        has_labels=options.decode_groundtruth_label,
        augmentation=_augmentation(options.augmentations)
        if training
        else Augmentation(),
        target_options=TargetOptions(
            sigma=options.sigma,
            small_instance_threshold=threshold if small else 0,
            small_instance_weight=weight if small else 1.0,
        ),
    )


def _augmentation(options: Any) -> Augmentation:
    return Augmentation(
        min_scale=options.min_scale_factor,
        max_scale=options.max_scale_factor,
        scale_step=options.scale_factor_step_size,
        flip=options.random_flip,
        policy=options.autoaugment_policy_name,
        colors=ColorRanges(
            brightness=options.brightness_delta,
            contrast=options.contrast_delta,
            saturation=options.saturation_delta,
            hue=options.hue_delta,
        ),
    )
