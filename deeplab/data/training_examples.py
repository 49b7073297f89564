"""Training examples: a random, recoloured crop of a record, and its targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data import copy_paste
from deeplab.data.example_source import MAPS, ExampleSource, joined_frames, metres
from deeplab.data.example_targets import ExampleTargets
from deeplab.data.geometry import size_in_range
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.placement import (
    Placement,
    place,
    random_placement,
    random_scale,
    sample_image,
    sample_label,
)
from deeplab.data.recoloring import recolored
from deeplab.data.targets.segments import PREVIOUS_HEATMAP

# The second records of copy-paste are drawn in an order of their own.
_SECOND_ORDER = 0x5EED


class _Crop(NamedTuple):
    """A random crop of a record."""

    # The decoded record.
    record: Mapping[str, tf.Tensor]
    # [h, w, 3 * frames] float32, 0 to 255.
    image: tf.Tensor
    # The existing maps of `MAPS`, [h, w]: int32 labels, depth in metres.
    maps: Mapping[str, tf.Tensor]
    # [2] integers, the seed of everything drawn later.
    seed: tf.Tensor


class TrainingExamples:
    """Makes training examples: the same number always gives the same example."""

    def __init__(
        self,
        source: ExampleSource,
        config: PipelineConfig,
        info: DatasetInfo,
        targets: ExampleTargets,
        seed: int,
    ):
        """Makes examples for a checked pipeline; `seed` decides order and crops."""
        assert config.resizing.crop_size is not None
        self._source = source
        self._augmentation = config.augmentation
        self._resizing = config.resizing
        self._crop_size = config.resizing.crop_size
        self._frames = 1 + config.previous_frame + config.next_frame
        self._info = info
        self._targets = targets
        self._seed = seed

    def make(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the fields of example `number`, a scalar int64, 0 or more."""
        void = self._info.label_space.void
        crop = self._random_crop(number, self._seed, void)
        if self._augmentation.copy_paste.scale:
            crop = self._pasted_over(crop, number)
        image = crop.image
        fields = self._targets(crop.record, crop.maps, crop.seed)
        if PREVIOUS_HEATMAP in fields:
            heatmap = tf.expand_dims(fields.pop(PREVIOUS_HEATMAP), axis=-1)
            image = tf.concat([image, heatmap], axis=-1)
        return {"image": image, "image_filename": crop.record["filename"], **fields}

    def _random_crop(
        self, number: tf.Tensor, order: int, void: int, factor: float = 1.0
    ) -> _Crop:
        """Reads an example, crops it at random, and changes its colours.

        Args:
          number: scalar int64.
          order: seed of the order of the examples, and of all that is drawn.
          void: label of the padding.
          factor: factor on the range of random scales.
        """
        record = self._source.read_shuffled(number, order)
        seeds = tf.random.split(tf.stack([tf.cast(order, tf.int64), number]), 5)
        placement, scale = self._placement(tf.shape(record["image"])[:2], seeds, factor)
        image = recolored(
            sample_image(joined_frames(record), placement),
            self._augmentation,
            frames=self._frames,
            policy_seed=seeds[2],
            color_seed=seeds[3],
        )
        maps = {
            name: self._shown_depth(record[name], placement, scale)
            if name == "depth"
            else self._shown_label(record[name], placement, void)
            for name in MAPS
            if name in record
        }
        image = place(image, placement, self._crop_size, self._resizing.padding)
        return _Crop(record, image, maps, seeds[4])

    def _placement(
        self, size: tf.Tensor, seeds: tf.Tensor, factor: float
    ) -> tuple[Placement, tf.Tensor]:
        """Draws the scale, and the position of the crop in an image of [2] size."""
        augmentation = self._augmentation
        scale = random_scale(
            seeds[1],
            augmentation.min_scale * factor,
            augmentation.max_scale * factor,
            augmentation.scale_step,
        )
        size = size_in_range(size, self._resizing)
        return random_placement(
            seeds[0], size, scale, self._crop_size, augmentation.flip
        ), scale

    def _shown_label(
        self, label: tf.Tensor, placement: Placement, void: int
    ) -> tf.Tensor:
        shown = sample_label(label, placement)
        return place(shown, placement, self._crop_size, void)

    def _shown_depth(
        self, depth: tf.Tensor, placement: Placement, scale: tf.Tensor
    ) -> tf.Tensor:
        shown = tf.cast(sample_label(depth, placement), tf.float32)
        # An enlarged object looks as if it were nearer.
        nearer = metres(tf.cast(shown / scale, tf.int32))
        unknown = float(self._info.ignore_depth or 0)
        return place(nearer, placement, self._crop_size, unknown)

    def _pasted_over(self, crop: _Crop, number: tf.Tensor) -> _Crop:
        """Pastes segments of a second record onto a crop and its label."""
        options = self._augmentation.copy_paste
        other = self._random_crop(
            number,
            self._seed ^ _SECOND_ORDER,
            copy_paste.padding_label(self._info),
            options.scale,
        )
        image, label = copy_paste.paste(
            crop.image,
            crop.maps["label"],
            other.image,
            other.maps["label"],
            options=options,
            info=self._info,
            seed=other.seed,
        )
        return crop._replace(image=image, maps={**crop.maps, "label": label})
