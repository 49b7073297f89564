"""Reads records in a known order, endlessly or in a single pass.

All records are located before the first is read. Each record is preceded by its length,
so a file can be indexed without reading its data. A record is then read directly from
its offset, in any order. This has three advantages:
  - an exact shuffle of the whole split without a buffer: the record of an example is a
    pseudo-random permutation of its number;
  - a position that is one number: a checkpoint of the iterator takes a few hundred
    bytes, and a resumed run continues with the very next example;
  - truncated files, and files of another format, are reported at the start.
A shuffle buffer has none of them: it shuffles only locally, holds hundreds of megabytes
and writes them to every checkpoint.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple

import numpy as np
import tensorflow as tf

# A TFRecord: length (8 bytes), its checksum (4), data, its checksum (4).
_LENGTH_BYTES = 12
_FRAME_BYTES = 16
_READERS = 16
_READ_BUFFER = 1 << 20
# More examples than any run draws.
_ENDLESS = 1 << 62


class RecordIndex(NamedTuple):
    """Location of every record.

    Attributes:
      files: sorted paths.
      file_of: [n] int32, index of each record's file.
      offset: [n] int64, each record's first byte in its file.
    """

    files: tuple[str, ...]
    file_of: np.ndarray
    offset: np.ndarray

    def __len__(self) -> int:
        return len(self.offset)


def find_files(patterns: Sequence[str]) -> tuple[str, ...]:
    """Returns the files that match any of the patterns, sorted, without duplicates.

    Raises:
      FileNotFoundError: a pattern matches no file; the message names the pattern.
    """
    files: set[str] = set()
    for pattern in patterns:
        found = tf.io.gfile.glob(pattern)
        if not found:
            raise FileNotFoundError(f"no file matches the file_pattern {pattern!r}")
        files.update(found)
    if not files:
        raise FileNotFoundError("file_pattern is empty: name at least one file")
    return tuple(sorted(files))


def index_records(patterns: Sequence[str]) -> RecordIndex:
    """Locates all records of the files that match any of the patterns.

    Raises:
      FileNotFoundError: a pattern matches no file.
      ValueError: a file ends within a record or is not a TFRecord file, or there are no
        records at all; the message names the file and the record.
    """
    files = find_files(patterns)
    with ThreadPoolExecutor(_READERS) as pool:
        offsets = list(pool.map(_offsets, files))
    if not any(offsets):
        raise ValueError(f"no records in {', '.join(files)}")
    return RecordIndex(
        files=files,
        file_of=np.repeat(
            np.arange(len(files), dtype=np.int32), [len(o) for o in offsets]
        ),
        offset=np.concatenate([np.array(o, np.int64) for o in offsets]),
    )


def read_record(index: RecordIndex, record: tf.Tensor) -> tf.Tensor:
    """Reads one record, with TensorFlow operations only.

    Args:
      index: locations of the records.
      record: scalar int64, 0 to n - 1.

    Returns:
      Scalar string.

    Raises:
      tf.errors.DataLossError: when run on a record whose checksum is wrong.
    """
    file = tf.gather(tf.constant(index.files), tf.gather(index.file_of, record))
    # The public class has no argument for the offset to start at.
    dataset = tf.raw_ops.TFRecordDatasetV2(
        filenames=[file],
        compression_type="",
        buffer_size=tf.constant(_READ_BUFFER, tf.int64),
        byte_offsets=[tf.gather(index.offset, record)],
    )
    kind = {"output_types": [tf.string], "output_shapes": [[]]}
    first = tf.raw_ops.TakeDataset(
        input_dataset=dataset, count=tf.constant(1, tf.int64), **kind
    )
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **kind)[0]


def example_numbers(
    count: int,
    *,
    training: bool,
    batch_size: int,
    first_batch: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Returns the numbers of the examples that one input pipeline yields.

    Global batch `b` contains the examples `b * batch_size` to
    `(b + 1) * batch_size - 1`, whatever the number of pipelines; each pipeline takes an
    equal part.

    Args:
      count: number of examples in the split.
      training: whether the numbers are endless. Otherwise they make one pass, in which
        every example occurs once over all pipelines.
      batch_size: examples of a global batch.
      first_batch: the first batch to yield in training.
      input_context: which pipeline this is; None if it is the only one.

    Returns:
      A data set of scalar int64 numbers.

    Raises:
      ValueError: the batch cannot be split evenly.
    """
    pipelines = input_context.num_input_pipelines if input_context else 1
    if batch_size % pipelines:
        raise ValueError(
            f"batch_size {batch_size} cannot be split evenly over {pipelines} hosts; "
            f"choose a multiple of {pipelines}"
        )
    share = batch_size // pipelines
    first = share * (input_context.input_pipeline_id if input_context else 0)
    if training:
        return tf.data.Dataset.range(first_batch * share, _ENDLESS).map(
            lambda n: n // share * batch_size + first + tf.math.floormod(n, share)
        )
    numbers = [
        n
        for start in range(first, count, batch_size)
        for n in range(start, min(start + share, count))
    ]
    return tf.data.Dataset.from_tensor_slices(np.array(numbers, np.int64))


def shuffled_record(number: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """Maps the number of an example to a record; every epoch has its own order.

    Args:
      number: scalar int64, number of examples since the start of training.
      count: records of the split. Each occurs once in an epoch of `count` examples.
      seed: seed of the orders.

    Returns:
      Scalar int64, 0 to `count` - 1.
    """
    size = tf.constant(count, tf.int64)
    key = tf.stack([tf.constant(seed, tf.int64), number // size])
    place = tf.math.floormod(number, size)
    return tf.random.experimental.index_shuffle(  # pyright: ignore[reportAttributeAccessIssue]
        place, key, size - 1
    )


def _offsets(path: str) -> list[int]:
    """Returns the offsets of the records of a file."""
    size = tf.io.gfile.stat(path).length
    # On remote storage, reading ahead is cheaper than one request per record.
    local = os.path.exists(path)
    with open(path, "rb", buffering=0) if local else tf.io.gfile.GFile(path, "rb") as f:
        return _walk(f, size, path)


def _walk(file: BinaryIO | tf.io.gfile.GFile, size: int, path: str) -> list[int]:
    offsets: list[int] = []
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(_LENGTH_BYTES)
        length = (
            struct.unpack("<Q", head[:8])[0] if len(head) == _LENGTH_BYTES else size
        )
        if position + length + _FRAME_BYTES > size:
            foreign = ", or it is not a TFRecord file" if not offsets else ""
            raise ValueError(
                f"{path}: record {len(offsets)}, at byte {position}, is incomplete: "
                f"the file is truncated there{foreign}; write it again"
            )
        offsets.append(position)
        position += length + _FRAME_BYTES
    return offsets
