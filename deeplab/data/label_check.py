"""Checks records before training: files, sizes and labels.

`check_records` reads all records in parallel; `short_label_check` reads a few, within
a second, at the start of training.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.camera_record import stored_cameras
from deeplab.data.label_report import (
    LabelReport,
    NumberedExample,
    RecordProblem,
    examine,
)
from deeplab.data.parallel import parallel_map
from deeplab.data.shards import read_records
from deeplab.data.tfexample import read_example


def check_records(
    paths: Iterable[str],
    info: DatasetInfo,
    *,
    limit: int | None = None,
    decode_images: bool = True,
    workers: int = 1,
    report_file: Callable[[str], None] = lambda path: None,
) -> LabelReport:
    """Checks the records of TFRecord files.

    Args:
      paths: the files.
      info: the data set.
      limit: maximum number of records to check in each file; None checks all.
      decode_images: whether to decode the images; otherwise only their sizes are read.
      workers: number of processes that decode.
      report_file: called with the path of each file when it is opened.

    Returns:
      The statistics of the labels, and all problems found.
    """
    unreadable: list[RecordProblem] = []
    records = _read(paths, limit, report_file, unreadable, info.camera_names)
    look = functools.partial(examine, info=info, decode_image=decode_images)
    report = LabelReport()
    for part in parallel_map(look, records, workers):
        report.merge(part)
    report.problems += unreadable
    report.problems.sort(key=lambda p: (p.path, -1 if p.record is None else p.record))
    return report


def _read(
    paths: Iterable[str],
    limit: int | None,
    report_file: Callable[[str], None],
    problems: list[RecordProblem],
    known: Sequence[str],
) -> Iterator[NumberedExample]:
    """Yields the readable records, and adds the others to `problems`.

    A multi-camera record is yielded once for each camera of the first record in its
    file; not every conversion writes all the `known` cameras.
    """
    for path in paths:
        report_file(path)
        cameras: Sequence[str] = known or ("",)
        number = -1
        try:
            for number, serialized in enumerate(read_records(path)):
                if number == limit:
                    break
                try:
                    if number == 0:
                        cameras = stored_cameras(serialized, known) or cameras
                    for camera in cameras:
                        example = read_example(serialized, camera)
                        yield NumberedExample(example, path, number)
                except ValueError as error:
                    problems.append(RecordProblem(path, number, "", str(error)))
        except (ValueError, OSError) as error:
            message = str(error).removeprefix(f"{path}: ")
            problems.append(RecordProblem(path, None, "", message))
        else:
            if number < 0:
                problems.append(RecordProblem(path, None, "", "no records in the file"))


def check_labels(
    paths: Iterable[str], info: DatasetInfo, limit: int | None = None
) -> list[RecordProblem]:
    """Checks the first `limit` records of each file, without decoding the images."""
    return check_records(paths, info, limit=limit, decode_images=False).problems


def short_label_check(
    file_patterns: Sequence[str], info: DatasetInfo, num_examples: int
) -> None:
    """Checks a few records of a data set, spread over its files.

    Args:
      file_patterns: patterns of TFRecord files.
      info: the data set.
      num_examples: approximate number of records to check; 0 checks nothing.

    Raises:
      ValueError: no file matches, or a record is wrong; the message names the file,
        record, pixel and id, and what to do.
    """
    if num_examples <= 0:
        return
    paths = matching_files(file_patterns)
    count = min(len(paths), num_examples)
    chosen = [paths[i * len(paths) // count] for i in range(count)]
    problems = check_labels(chosen, info, -(-num_examples // count))
    if problems:
        shown = "\n".join(f"  - {problem}" for problem in problems[:5])
        raise ValueError(
            f"the records do not match data set {info.name!r}; `deeplab check-data` "
            f"lists every problem:\n{shown}"
        )


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Returns the files that match any pattern, sorted.

    Raises:
      ValueError: a pattern matches no file.
    """
    paths: set[str] = set()
    for pattern in patterns:
        found = tf.io.gfile.glob(pattern)
        if not found:
            raise ValueError(f"no file matches {pattern!r}")
        paths.update(found)
    return sorted(paths)
