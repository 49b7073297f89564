"""From a record to one example: geometry, colour, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data import copy_paste, geometry
from deeplab.data.autoaugment import autoaugment, find_policy
from deeplab.data.encoded_depth import UNITS
from deeplab.data.photometric import change_color, random_color_change
from deeplab.data.pipeline_config import (
    PipelineConfig,
    chosen_cameras,
    frame_problems,
)
from deeplab.data.reader import RecordIndex, read_record, shuffled_record
from deeplab.data.targets import NEEDS, TARGETS
from deeplab.data.targets.segments import PREVIOUS_HEATMAP, Frames, Segments
from deeplab.data.tfexample import Wanted, missing_keys, parse_example

# Draws the second records of copy-paste from an order of their own.
_SECOND_ORDER = 0x5EED
# What targets are made from.
_MAPS = ("label", "previous_label", "next_label", "depth")


class ExampleMaker:
    """Turns the number of an example into its fields.

    Its length is the number of different examples: one for each record, or for each
    camera of each record, all of the first camera before those of the second.
    """

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
        self._target_names = targets
        self._targets = [TARGETS.get(name) for name in targets]
        self._index = index
        self._seed = seed
        self._void = info.label_space.void
        self._ignore_depth = float(info.ignore_depth or 0)
        self._wanted = Wanted(
            label=config.has_labels and not config.image_class,
            class_id=config.has_labels and config.image_class,
            previous=config.previous_frame,
            next=config.next_frame,
            depth="depth" in {NEEDS.get(name) for name in targets},
            cameras=chosen_cameras(config.cameras, info),
        )

    def __len__(self) -> int:
        return len(self._index) * max(len(self._wanted.cameras), 1)

    def check(self, training: bool) -> None:
        """Raises ValueError if config, targets and records do not fit each other."""
        config = self._config
        problems = frame_problems(
            config.previous_frame, config.next_frame, self._target_names
        )
        for problem in problems:
            raise ValueError(problem)
        if self._wanted.previous and self._wanted.cameras:
            raise ValueError(
                "use_two_frames: multi-camera records hold no previous frame"
            )
        resized = config.resize_factor or any(
            geometry.resize_pair(values)
            for values in (config.min_resize_value, config.max_resize_value)
        )
        if self._wanted.depth and resized:
            # Depth belongs to a focal length; as published, it is not converted.
            raise ValueError(
                "min_resize_value, max_resize_value and resize_factor: images with "
                "depth are not resized; leave them out"
            )
        if training:
            self._check_training()
        serialized = bytes(read_record(self._index, tf.constant(0, tf.int64)).numpy())
        missing = missing_keys(serialized, self._wanted)
        if missing:
            remedy = "convert the data set again, with all frames"
            if self._wanted.cameras:
                remedy += ", or name in cameras_to_use those that it has"
            raise ValueError(
                f"{self._index.files[self._index.file_of[0]]}: its first record has no "
                f"{' and no '.join(missing)}, which this experiment needs; {remedy}"
            )

    def _check_training(self) -> None:
        if self._config.crop_size is None:
            raise ValueError("crop_size: training needs the height and width of a crop")
        if not self._config.has_labels:
            raise ValueError("decode_groundtruth_label is false: training needs labels")
        if self._config.augmentation.policy:
            find_policy(self._config.augmentation.policy)
        frames = self._wanted.previous or self._wanted.next or self._wanted.depth
        if self._config.augmentation.copy_paste.scale and frames:
            raise ValueError(
                "panoptic_copy_paste: segments are pasted on single images without "
                "depth; leave it out"
            )
        if self._config.augmentation.copy_paste.scale and self._wanted.class_id:
            raise ValueError(
                "panoptic_copy_paste: images with one class have no segments; leave it "
                "out"
            )

    def training_example(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns a random crop of the example `number`, augmented."""
        augmentation, crop = self._config.augmentation, self._crop_size
        parsed = self._parse(shuffled_record(number, len(self), self._seed))
        key = tf.stack([tf.cast(self._seed, tf.int64), number])
        seeds = tf.random.split(key, 5)
        placement, scale = self._random_placement(parsed["image"], seeds)

        def cropped(name: str) -> tf.Tensor:
            shown = geometry.sample_label(parsed[name], placement)
            if name == "depth":
                # What is shown larger is as if it were nearer.
                metres = _metres(tf.cast(tf.cast(shown, tf.float32) / scale, tf.int32))
                return geometry.place(metres, placement, crop, self._ignore_depth)
            return geometry.place(shown, placement, crop, self._void)

        image = geometry.sample_image(_joined_frames(parsed), placement)
        image = self._recolored(image, seeds[2], seeds[3])
        image = geometry.place(image, placement, crop, geometry.MEAN_PIXEL)
        maps = {name: cropped(name) for name in _MAPS if name in parsed}
        if augmentation.copy_paste.scale:
            image, maps["label"] = self._pasted(number, image, maps["label"])
        fields = self._targets_of(parsed, maps, seeds[4])
        if PREVIOUS_HEATMAP in fields:
            heatmap = tf.expand_dims(fields.pop(PREVIOUS_HEATMAP), axis=-1)
            image = tf.concat([image, heatmap], axis=-1)
        return {"image": image, "image_filename": parsed["filename"], **fields}

    def _pasted(
        self, number: tf.Tensor, image: tf.Tensor, label: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Lays segments of a second record over a training image and its label."""
        options = self._config.augmentation.copy_paste
        order = self._seed ^ _SECOND_ORDER
        parsed = self._parse(shuffled_record(number, len(self), order))
        key = tf.stack([tf.cast(order, tf.int64), number])
        seeds = tf.random.split(key, 5)
        placement, _ = self._random_placement(parsed["image"], seeds, options.scale)
        other = geometry.sample_image(parsed["image"], placement)
        other = self._recolored(other, seeds[2], seeds[3])
        other_label = geometry.sample_label(parsed["label"], placement)
        padding = copy_paste.padding_label(self._info)
        crop = self._crop_size
        return copy_paste.paste(
            image,
            label,
            geometry.place(other, placement, crop, geometry.MEAN_PIXEL),
            geometry.place(other_label, placement, crop, padding),
            options=options,
            info=self._info,
            seed=seeds[4],
        )

    def _random_placement(
        self, image: tf.Tensor, seeds: tf.Tensor, factor: float = 1.0
    ) -> tuple[geometry.Placement, tf.Tensor]:
        """Draws where the crop lies; returns it and the scale.

        Args:
          image: `[h, w, c]`.
          seeds: [2 or more, 2] integers.
          factor: multiplies the scales that are drawn from.
        """
        augmentation = self._config.augmentation
        scale = geometry.random_scale(
            seeds[1],
            augmentation.min_scale * factor,
            augmentation.max_scale * factor,
            augmentation.scale_step,
        )
        placement = geometry.random_placement(
            seeds[0],
            self._size_in_range(tf.shape(image)[:2]),
            scale,
            self._crop_size,
            augmentation.flip,
        )
        return placement, scale

    @property
    def _crop_size(self) -> tuple[int, int]:
        assert self._config.crop_size is not None
        return self._config.crop_size

    def evaluation_example(self, record: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns a whole image, with its labels at input size and as stored."""
        parsed = self._parse(record)
        size = tf.shape(parsed["image"])[:2]
        image, resized = geometry.preprocess_for_inference(
            _joined_frames(parsed),
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
        if self._is_video:
            fields |= {name: parsed[name] for name in ("sequence_id", "frame_id")}

        def resized_map(name: str) -> tf.Tensor:
            shown = geometry.resize_label(parsed[name], resized)
            padded = tf.shape(image)[:2]
            if name == "depth":
                return geometry.pad(_metres(shown), padded, self._ignore_depth)
            return geometry.pad(shown, padded, self._void)

        if self._config.has_labels:
            maps = {name: resized_map(name) for name in _MAPS if name in parsed}
            fields |= self._targets_of(parsed, maps)
        if "label" in parsed:
            fields |= self._raw_labels(parsed["label"])
        if "next_label" in parsed:
            fields["next_panoptic_raw"] = parsed["next_label"]
        if "depth" in parsed:
            fields["depth_raw"] = _metres(parsed["depth"])
        return fields

    @property
    def _is_video(self) -> bool:
        return self._info.is_video or self._wanted.previous or self._wanted.next

    def _parse(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        records = len(self._index)
        return parse_example(
            read_record(self._index, tf.math.floormod(number, records)),
            self._info.label_space,
            self._wanted,
            number // records,
        )

    def _recolored(
        self, image: tf.Tensor, policy_seed: tf.Tensor, color_seed: tf.Tensor
    ) -> tf.Tensor:
        """Changes the colours of `[h, w, 3 * frames]`.

        As published, a policy draws anew for each frame; the ranges of colour draw
        once, so that all frames change alike.
        """
        augmentation = self._config.augmentation
        change = random_color_change(color_seed, augmentation.colors)
        recolored = []
        for i in range(1 + self._wanted.previous + self._wanted.next):
            frame = image[:, :, 3 * i : 3 * i + 3]
            if augmentation.policy:
                frame = autoaugment(frame, policy_seed + i, augmentation.policy)
            recolored.append(change_color(frame, change))
        return tf.concat(recolored, axis=-1)

    def _size_in_range(self, size: tf.Tensor) -> tf.Tensor:
        return geometry.size_in_range(size, **self._resize_values())

    def _resize_values(self) -> dict[str, Any]:
        return {
            "min_resize_value": self._config.min_resize_value,
            "max_resize_value": self._config.max_resize_value,
            "resize_factor": self._config.resize_factor,
        }

    def _targets_of(
        self,
        parsed: Mapping[str, tf.Tensor],
        maps: Mapping[str, tf.Tensor],
        seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Returns the targets: the class of the image, or what its maps give."""
        if self._wanted.class_id:
            return {"class_gt": parsed["class_id"]}
        return self._label_targets(maps, seed)

    def _label_targets(
        self, maps: Mapping[str, tf.Tensor], seed: tf.Tensor | None
    ) -> dict[str, tf.Tensor]:
        """Returns the targets of an example, from those of `_MAPS` that there are."""
        segments = {
            name: Segments(value, self._info)
            for name, value in maps.items()
            if name != "depth"
        }
        frames = Frames(
            segments["label"],
            segments.get("previous_label"),
            segments.get("next_label"),
            maps.get("depth"),
            seed,
        )
        label = maps["label"]
        fields: dict[str, tf.Tensor] = {}
        for target in self._targets:
            fields |= target(frames, self._config.target_options)
        for name, value in fields.items():
            if value.shape.rank > 1:
                value.set_shape([*label.shape, *value.shape[2:]])
            fields[name] = value
        return fields

    def _raw_labels(self, label: tf.Tensor) -> dict[str, tf.Tensor]:
        class_id, instance_id = self._info.label_space.decode(label)
        things = tf.constant(self._info.thing_ids, tf.int32)
        is_thing = tf.reduce_any(class_id[..., tf.newaxis] == things, axis=-1)
        return {
            "semantic_raw": class_id,
            "panoptic_raw": label,
            "is_crowd_raw": is_thing & (instance_id == 0),
        }


def _joined_frames(parsed: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns the image, and in further channels the other frame if there is one."""
    names = ("image", "previous_image", "next_image")
    frames = [parsed[name] for name in names if name in parsed]
    return frames[0] if len(frames) == 1 else tf.concat(frames, axis=-1)


def _metres(units: tf.Tensor) -> tf.Tensor:
    return tf.cast(units, tf.float32) / UNITS
