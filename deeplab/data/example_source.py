"""Reads and decodes stored examples by their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.encoded_depth import UNITS
from deeplab.data.parsed_example import Wanted, missing_keys, parse_example
from deeplab.data.pipeline_config import PipelineConfig, chosen_cameras
from deeplab.data.reader import RecordIndex, read_record, shuffled_record
from deeplab.data.targets import NEEDS

# What targets are made from.
MAPS = ("label", "previous_label", "next_label", "depth")
_FRAMES = ("image", "previous_image", "next_image")


class ExampleSource:
    """Reads the parts of records that an experiment needs.

    Its length is the number of distinct examples: one per record, or one per camera of
    each record. All examples of the first camera come before those of the second.
    """

    def __init__(self, index: RecordIndex, wanted: Wanted, info: DatasetInfo):
        """Reads the `wanted` parts of the indexed records of a data set."""
        self._index = index
        self._wanted = wanted
        self._labels = info.label_space

    def __len__(self) -> int:
        return len(self._index) * max(len(self._wanted.cameras), 1)

    def read(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the result of `parse_example` for example `number`, scalar int64."""
        records = len(self._index)
        return parse_example(
            read_record(self._index, tf.math.floormod(number, records)),
            self._labels,
            self._wanted,
            number // records,
        )

    def read_shuffled(self, number: tf.Tensor, order: int) -> dict[str, tf.Tensor]:
        """Returns example `number`, 0 or more without end, of a shuffled `order`."""
        return self.read(shuffled_record(number, len(self), order))

    def check(self) -> None:
        """Raises ValueError if the first record lacks a part that is wanted."""
        serialized = bytes(read_record(self._index, tf.constant(0, tf.int64)).numpy())
        missing = missing_keys(serialized, self._wanted)
        if missing:
            remedy = "convert the data set again, with all frames"
            if self._wanted.cameras:
                remedy += ", or list only its own cameras in cameras_to_use"
            raise ValueError(
                f"{self._index.files[self._index.file_of[0]]}: its first record has no "
                f"{' and no '.join(missing)}, which this experiment needs; {remedy}"
            )


def wanted_parts(
    config: PipelineConfig, info: DatasetInfo, targets: Sequence[str]
) -> Wanted:
    """Returns the parts of a record that the examples of a pipeline are made from.

    Raises:
      ValueError: the data set does not have a chosen camera.
    """
    return Wanted(
        label=config.has_labels and not config.image_class,
        class_id=config.has_labels and config.image_class,
        previous=config.previous_frame,
        next=config.next_frame,
        depth="depth" in {NEEDS.get(name) for name in targets},
        cameras=chosen_cameras(config.cameras, info),
    )


def joined_frames(record: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Concatenates the channels of the image and of the other frame, if any."""
    frames = [record[name] for name in _FRAMES if name in record]
    return frames[0] if len(frames) == 1 else tf.concat(frames, axis=-1)


def metres(units: tf.Tensor) -> tf.Tensor:
    """Converts stored depth to float32 metres."""
    return tf.cast(units, tf.float32) / UNITS
