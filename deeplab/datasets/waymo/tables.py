"""Reads the Parquet files of version 2 of the Waymo Open Dataset, row by row.

A file has one component of one segment, such as all its range images, which are
gigabytes when decompressed. Only a few rows are in memory at a time.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TIME = "key.frame_timestamp_micros"
CAMERA = "key.camera_name"
LASER = "key.laser_name"
# Time in microseconds, and number of the camera.
CameraKey = tuple[int, int]
# First and last time, in microseconds.
Span = tuple[int, int]

# Rows in memory at a time, of at most a few megabytes each.
_ROWS = 8


def read_rows(
    path: Path, columns: Sequence[str], span: Span | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of a file as column -> Arrow scalar.

    Args:
      path: the file.
      columns: names of the columns to read.
      span: if given, yields only rows whose time is in the span.

    Raises:
      ValueError: the file is not a Parquet file or lacks a column, or pyarrow is not
        installed.
      FileNotFoundError: the file does not exist.
    """
    file = _open(path)
    for name in columns:
        if name not in file.schema_arrow.names:
            raise ValueError(
                f"{path}: no column {name}; is it a file of version 2 of the data set?"
            )
    groups = [
        group
        for group, (first, last) in enumerate(_spans(file))
        if span is None or (first <= span[1] and span[0] <= last)
    ]
    for batch in file.iter_batches(_ROWS, row_groups=groups, columns=list(columns)):
        for row in range(batch.num_rows):
            found = {name: batch.column(name)[row] for name in columns}
            if span is None or span[0] <= found[TIME].as_py() <= span[1]:
                yield found


def span_around(path: Path, time: int) -> Span:
    """Returns the span of the row groups that contain a time.

    A file is decompressed by row groups: one for each time, or one for all.
    """
    spans = [s for s in _spans(_open(path)) if s[0] <= time <= s[1]]
    spans = spans or [(time, time)]
    return min(first for first, _ in spans), max(last for _, last in spans)


def array_of(scalar: Any) -> np.ndarray:
    """Returns the numbers of a list scalar; an empty array if it is null."""
    if not scalar.is_valid:
        return np.zeros(0)
    return scalar.values.to_numpy(zero_copy_only=False)


def _spans(file: Any) -> Iterator[Span]:
    """Yields the span of each row group; all time if the file has no statistics."""
    everything = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
    names = [file.schema.column(i).path for i in range(len(file.schema))]
    for group in range(file.metadata.num_row_groups):
        span = everything
        if TIME in names:
            column = file.metadata.row_group(group).column(names.index(TIME))
            statistics = column.statistics
            if statistics is not None and statistics.has_min_max:
                span = statistics.min, statistics.max
        yield span


def _open(path: Path) -> Any:
    """Opens a Parquet file.

    Raises:
      ValueError: the file is not a Parquet file, or pyarrow is not installed.
      FileNotFoundError: the file does not exist.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise ValueError(
            "the Waymo Open Dataset needs pyarrow: pip install 'deeplab[waymo]'"
        ) from error
    try:
        return parquet.ParquetFile(path)
    except ValueError as error:
        raise ValueError(f"{path}: not a Parquet file ({error})") from error
