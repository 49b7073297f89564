"""Checks records before a model sees them: files, sizes, and what the labels say.

Everything found is named by file, record number and pixel, so that it can be looked
at. `short_label_check` does it for a few records, in a second, before training.
"""

from __future__ import annotations

import collections
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.core import labels
from deeplab.core.dataset_info import DatasetInfo
from deeplab.data import tfexample
from deeplab.data.encoded_image import encoded_rgb
from deeplab.data.shards import read_records
from deeplab.datasets.runs import areas, find_runs


@dataclass(frozen=True)
class Problem:
    """Something that has to be mended before training.

    Attributes:
      path: the file.
      record: number of the record in it, from 0; None for the file as a whole.
      name: name of the image, if it could be read.
      message: what is wrong, where, and what to do.
    """

    path: str
    record: int | None
    name: str
    message: str

    def __str__(self):
        record = "" if self.record is None else f", record {self.record}"
        return (
            f"{self.path}{record}{f' ({self.name})' * bool(self.name)}: {self.message}"
        )


@dataclass
class LabelReport:
    """What the labels of many records hold.

    Attributes:
      records: number of records read.
      unlabelled: records without a label.
      pixels: pixels of all labels.
      class_pixels: class id -> pixels, the ignore label among them.
      class_images: class id -> images that show it.
      crowd_pixels: class id of things -> pixels with instance id 0.
      most_instances: class id -> largest number of instances in one image.
      names: image name -> (path, record number) where it was first met.
      problems: what was found to be wrong.
    """

    records: int = 0
    unlabelled: int = 0
    pixels: int = 0
    class_pixels: collections.Counter[int] = field(default_factory=collections.Counter)
    class_images: collections.Counter[int] = field(default_factory=collections.Counter)
    crowd_pixels: collections.Counter[int] = field(default_factory=collections.Counter)
    most_instances: collections.Counter[int] = field(
        default_factory=collections.Counter
    )
    names: dict[str, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def merge(self, other: LabelReport) -> None:
        """Adds what another report found; names met twice become problems."""
        self.records += other.records
        self.unlabelled += other.unlabelled
        self.pixels += other.pixels
        self.class_pixels.update(other.class_pixels)
        self.class_images.update(other.class_images)
        self.crowd_pixels.update(other.crowd_pixels)
        self.most_instances |= other.most_instances
        self.problems += other.problems
        for name, place in other.names.items():
            self.add_name(name, *place)

    def add_name(self, name: str, path: str, record: int) -> None:
        """Notes the name of a record."""
        first = self.names.setdefault(name, (path, record))
        if first != (path, record):
            self.problems.append(
                Problem(
                    path,
                    record,
                    name,
                    f"the name is also that of record {first[1]} of {first[0]}; "
                    "predictions of the two would overwrite each other",
                )
            )


def check_file(
    path: str,
    info: DatasetInfo,
    *,
    decode_images: bool = True,
    limit: int | None = None,
    part: int = 0,
    parts: int = 1,
) -> LabelReport:
    """Checks the records of one file, or a part of them.

    Args:
      path: the TFRecord file.
      info: what its labels mean.
      decode_images: whether to decode images too; else only their sizes are read.
      limit: looks at this many records from the start; at all when None.
      part: first record to check.
      parts: step from one to the next.
    """
    report = LabelReport()
    number = -1
    try:
        for number, serialized in enumerate(read_records(path)):
            if limit is not None and number >= limit:
                break
            if number % parts == part:
                _check_record(report, serialized, info, path, number, decode_images)
    except (ValueError, OSError) as error:
        message = str(error).removeprefix(f"{path}: ")
        report.problems.append(Problem(path, None, "", message))
    else:
        if number < 0:
            report.problems.append(Problem(path, None, "", "no record in this file"))
    # What concerns the whole file is told once.
    if part:
        report.problems = [p for p in report.problems if p.record is not None]
    return report


def check_labels(
    paths: Iterable[str], info: DatasetInfo, limit: int | None = None
) -> list[Problem]:
    """Checks the first `limit` records of each file, without decoding the images."""
    report = LabelReport()
    for path in paths:
        report.merge(check_file(path, info, decode_images=False, limit=limit))
    return report.problems


def short_label_check(
    file_patterns: Sequence[str], info: DatasetInfo, num_examples: int
) -> None:
    """Checks a few records of a data set, spread over its files.

    Args:
      file_patterns: patterns of TFRecord files.
      info: what their labels mean.
      num_examples: about how many records to look at; 0 checks nothing.

    Raises:
      ValueError: no file matches, or a record is wrong; the message names file,
        record, pixel and id, and says what to do.
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
            f"the records do not fit data set {info.name!r}; `deeplab check-data` "
            f"lists all of it:\n{shown}"
        )


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Returns the files that match, sorted.

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


def _check_record(
    report: LabelReport,
    serialized: bytes,
    info: DatasetInfo,
    path: str,
    number: int,
    decode_image: bool,
) -> None:
    """Adds one record to a report."""
    report.records += 1
    name = ""
    try:
        record = tfexample.read_example(serialized)
        name = record.filename
        report.add_name(name, path, number)
        size = _image_size(record.image, decode_image)
        if size != (record.height, record.width):
            raise ValueError(
                f"the image is {size[0]} x {size[1]}, but the record says "
                f"{record.height} x {record.width}; convert it again"
            )
        if record.label is None:
            report.unlabelled += 1
            return
        label = tfexample.decode_label(
            record.label, record.label_format, *size, info.label_divisor
        )
    except ValueError as error:
        report.problems.append(Problem(path, number, name, str(error)))
        return
    report.problems += [
        Problem(path, number, name, m) for m in _count_label(report, label, info)
    ]


def _image_size(data: bytes, decode: bool) -> tuple[int, int]:
    """Returns height and width of an encoded image."""
    if decode:
        image = encoded_rgb(data, "the image")
        return image.height, image.width
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.height, image.width
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the image cannot be read: {error}") from error


def _count_label(
    report: LabelReport, label: np.ndarray, info: DatasetInfo
) -> Iterator[str]:
    """Adds a label map to a report; yields what is wrong with it."""
    values, pixels, first = areas(find_runs(label))
    class_ids, instances = labels.decode(values, info.label_divisor)
    report.pixels += label.size
    seen: set[int] = set()
    instance_count: collections.Counter[int] = collections.Counter()
    wrong: dict[int, tuple[int, int]] = {}
    for value, class_id, instance, area, start in zip(
        values.tolist(),
        class_ids.tolist(),
        instances.tolist(),
        pixels.tolist(),
        first.tolist(),
        strict=True,
    ):
        known = info.by_id.get(class_id)
        if known is None and class_id != info.ignore_label:
            wrong.setdefault(class_id, (value, start))
            continue
        report.class_pixels[class_id] += area
        seen.add(class_id)
        if known is not None and known.is_thing:
            if instance == 0:
                report.crowd_pixels[class_id] += area
            else:
                instance_count[class_id] += 1
    report.class_images.update(seen)
    report.most_instances |= instance_count
    for class_id, (value, start) in wrong.items():
        row, column = divmod(start, label.shape[1])
        yield (
            f"pixel (row {row}, column {column}) has label {value}: class {class_id} "
            f"(label_divisor {info.label_divisor}) is none of data set {info.name!r}, "
            f"whose ids are {_span(info)} and {info.ignore_label} (ignore); map the "
            "id, or describe the class"
        )


def _span(info: DatasetInfo) -> str:
    ids = sorted(info.by_id)
    if ids == list(range(ids[0], ids[-1] + 1)):
        return f"{ids[0]} to {ids[-1]}"
    return ", ".join(map(str, ids))
