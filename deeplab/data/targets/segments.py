"""A label map as segments: one index per pixel, everything else per segment.

One pass finds the distinct labels; class, crowd, area and centre are then short
vectors, and a target is a look-up in one of them. Properties of instances are computed
from the pixels of instances only. The cost does not grow with the number of instances.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo

# Key of a target that no loss uses: it becomes an image channel in training.
PREVIOUS_HEATMAP = "previous_heatmap"


@dataclass(frozen=True)
class TargetOptions:
    """Options of the targets.

    Attributes:
      sigma: standard deviation of the Gaussian at an instance centre, in pixels.
      small_instance_threshold: instances with fewer pixels count as small.
      small_instance_weight: weight of their pixels in the semantic loss.
      max_thing_id: maximum number of thing masks per image; 0 makes no masks.
    """

    sigma: float = 8.0
    small_instance_threshold: int = 0
    small_instance_weight: float = 1.0
    max_thing_id: int = 0


class Segments:
    """The `n` segments of one label map, in order of first appearance.

    Attributes:
      label: `[h, w]` int32, panoptic labels.
      info: the data set.
      index: `[h, w]` int32, segment of each pixel, 0 to n - 1.
      ids: [n] int32, panoptic label of each segment.
    """

    def __init__(self, label: tf.Tensor, info: DatasetInfo):
        """Finds the segments of a label map."""
        self.label = label
        self.info = info
        ids, index = tf.unique(tf.reshape(label, [-1]))
        self.ids = ids
        self.index = tf.reshape(index, tf.shape(label))

    @functools.cached_property
    def class_id(self) -> tf.Tensor:
        """[n] int32, class id or ignore label of each segment."""
        return self.info.label_space.class_of(self.ids)

    @functools.cached_property
    def is_thing(self) -> tf.Tensor:
        """[n] bool, whether the class is a thing class; includes crowds."""
        things = tf.constant(self.info.thing_ids, tf.int32)
        return tf.reduce_any(self.class_id[:, tf.newaxis] == things, axis=1)

    @functools.cached_property
    def is_crowd(self) -> tf.Tensor:
        """[n] bool, whether it is a region of things without instance ids."""
        return self.is_thing & (self._instance_id == 0)

    @functools.cached_property
    def is_void(self) -> tf.Tensor:
        """[n] bool, whether it has no class."""
        return self.class_id == self.info.ignore_label

    @functools.cached_property
    def is_instance(self) -> tf.Tensor:
        """[n] bool, whether it has an instance id and a class.

        As published, stuff with instance ids counts as well; regression weights
        exclude it.
        """
        return (self._instance_id != 0) & tf.logical_not(self.is_void)

    @functools.cached_property
    def instance_pixels(self) -> tf.Tensor:
        """[k, 2] int32, (y, x) of the pixels that belong to an instance."""
        positions = tf.where(self.per_pixel(self.is_instance))
        return tf.cast(positions, tf.int32)

    @functools.cached_property
    def instance_index(self) -> tf.Tensor:
        """[k] int32, segment of each of the `instance_pixels`."""
        return tf.gather_nd(self.index, self.instance_pixels)

    @functools.cached_property
    def area(self) -> tf.Tensor:
        """[n] int32, pixels of each instance; 0 for other segments."""
        return tf.math.bincount(self.instance_index, minlength=self._count)

    @functools.cached_property
    def center(self) -> tf.Tensor:
        """[n, 2] int32, mean (y, x) of each instance, half to even; 0 for others."""
        # Integer sums: a float32 mean could be rounded wrongly near a half.
        sums = tf.math.unsorted_segment_sum(
            tf.cast(self.instance_pixels, tf.int64), self.instance_index, self._count
        )
        area = tf.cast(tf.maximum(self.area, 1), tf.int64)
        return tf.cast(tf.round(sums / area[:, tf.newaxis]), tf.int32)

    @functools.cached_property
    def mean(self) -> tf.Tensor:
        """[n, 2] float32, mean (y, x) of each instance; 0 for other segments."""
        means = tf.math.unsorted_segment_mean(
            tf.cast(self.instance_pixels, tf.float64), self.instance_index, self._count
        )
        return tf.cast(means, tf.float32)

    @functools.cached_property
    def extent(self) -> tf.Tensor:
        """[n, 2] int32, last minus first row and column; 0 unless an instance."""
        pixels, index = self.instance_pixels, self.instance_index
        first = tf.math.unsorted_segment_min(pixels, index, self._count)
        last = tf.math.unsorted_segment_max(pixels, index, self._count)
        return tf.where(self.is_instance[:, tf.newaxis], last - first, 0)

    def find(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns [m] int32, the segments with the labels `ids` [m]; -1 if none."""
        same = tf.cast(ids[:, tf.newaxis] == self.ids, tf.int32)
        place = tf.argmax(same, axis=1, output_type=tf.int32)
        return tf.where(tf.reduce_any(same > 0, axis=1), place, -1)

    def per_pixel(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[h, w, ...]`, the value of each pixel's segment."""
        return tf.gather(values, self.index)

    @property
    def _count(self) -> tf.Tensor:
        return tf.size(self.ids)

    @functools.cached_property
    def _instance_id(self) -> tf.Tensor:
        return self.info.label_space.decode(self.ids)[1]


def scattered(segments: Segments, values: tf.Tensor) -> tf.Tensor:
    """Returns `[h, w, ...]` float32: values at the instance pixels, 0 elsewhere.

    Args:
      segments: segments with k `instance_pixels`.
      values: [k, ...], the values of these pixels.
    """
    shape = tf.concat([tf.shape(segments.index), tf.shape(values)[1:]], axis=0)
    pixels = segments.instance_pixels
    return tf.scatter_nd(pixels, tf.cast(values, tf.float32), shape)


class Frames(NamedTuple):
    """The labels of a frame and of its neighbours, from which targets are made."""

    current: Segments
    # Only for video models.
    previous: Segments | None = None
    next: Segments | None = None
    # [h, w] float32, metres.
    depth: tf.Tensor | None = None
    # [2] int32, seed of random targets; None in evaluation.
    seed: tf.Tensor | None = None
