"""Statistics of records and the problems found in them, one record at a time.

Every finding names the file, record number and pixel, so that it can be inspected.
Without TensorFlow, for worker processes.
"""

from __future__ import annotations

import collections
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.encoded_depth import decode_depth
from deeplab.data.encoded_image import encoded_rgb
from deeplab.data.encoded_label import decode_label
from deeplab.data.stored_example import StoredExample
from deeplab.datasets.runs import areas, find_runs

# Fraction of ignored pixels above which a remark is made.
_MUCH_VOID = 0.5


@dataclass(frozen=True)
class RecordProblem:
    """A problem that has to be fixed before training.

    Attributes:
      path: the file.
      record: number of the record in the file, from 0; None for the file as a whole.
      name: name of the image; empty if it could not be read.
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
    """Statistics of the labels of many records.

    Attributes:
      records: number of records read.
      unlabelled: number of records without a label.
      sizes: (height, width) -> number of images of that size.
      pixels: number of labelled pixels, over all records.
      class_pixels: class id -> number of pixels; includes the ignore label.
      class_images: class id -> number of images that contain the class.
      crowd_pixels: class id of things -> number of pixels with instance id 0.
      numbered_stuff: class id of stuff -> number of pixels with an instance id.
      most_instances: class id -> largest number of instances in one image.
      names: image name -> (path, record number) of its first occurrence.
      frames: video -> (path, record number, frame) of its records.
      problems: the problems found.
    """

    records: int = 0
    unlabelled: int = 0
    sizes: collections.Counter[tuple[int, int]] = field(
        default_factory=collections.Counter
    )
    pixels: int = 0
    class_pixels: collections.Counter[int] = field(default_factory=collections.Counter)
    class_images: collections.Counter[int] = field(default_factory=collections.Counter)
    crowd_pixels: collections.Counter[int] = field(default_factory=collections.Counter)
    numbered_stuff: collections.Counter[int] = field(
        default_factory=collections.Counter
    )
    most_instances: collections.Counter[int] = field(
        default_factory=collections.Counter
    )
    names: dict[str, tuple[str, int]] = field(default_factory=dict)
    frames: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    problems: list[RecordProblem] = field(default_factory=list)

    def merge(self, other: LabelReport) -> None:
        """Adds another report to this one; duplicate names become problems."""
        self.records += other.records
        self.unlabelled += other.unlabelled
        self.sizes.update(other.sizes)
        self.pixels += other.pixels
        self.class_pixels.update(other.class_pixels)
        self.class_images.update(other.class_images)
        self.crowd_pixels.update(other.crowd_pixels)
        self.numbered_stuff.update(other.numbered_stuff)
        self.most_instances |= other.most_instances
        self.problems += other.problems
        for name, place in other.names.items():
            self.add_name(name, *place)
        for video, frames in other.frames.items():
            self.frames.setdefault(video, []).extend(frames)

    def add_name(self, name: str, path: str, record: int) -> None:
        """Adds the name of a record; a duplicate becomes a problem."""
        first = self.names.setdefault(name, (path, record))
        if first != (path, record):
            self.problems.append(
                RecordProblem(
                    path,
                    record,
                    name,
                    f"record {first[1]} of {first[0]} has the same name; predictions "
                    "of the two would overwrite each other",
                )
            )


def remarks(report: LabelReport, info: DatasetInfo) -> Iterator[str]:
    """Yields findings that are valid but rarely intended."""
    if 0 < report.unlabelled < report.records:
        yield f"{report.unlabelled} of {report.records} records have no label"
    void = report.class_pixels[info.ignore_label] / max(report.pixels, 1)
    if void > _MUCH_VOID:
        yield f"{void:.0%} of the pixels are ignored"
    yield from _order_remarks(report)
    for c in info.classes:
        if 0 < report.class_pixels[c.id] == report.crowd_pixels[c.id]:
            yield (
                f"{c.name!r} is a thing class, but all its pixels have instance id 0 "
                "and count as crowd; do the labels lack instances?"
            )
        numbered = report.numbered_stuff[c.id]
        if numbered:
            yield (
                f"{c.name!r} is a stuff class, but {numbered} of its pixels have an "
                f"instance id; is label_divisor {info.label_divisor} correct?"
            )


def _order_remarks(report: LabelReport) -> Iterator[str]:
    """Yields a remark on the first video whose frames are not in order."""
    for video, frames in sorted(report.frames.items()):
        for before, after in itertools.pairwise(sorted(frames)):
            if _frame_order(before[2]) >= _frame_order(after[2]):
                yield (
                    f"frame {after[2]} of video {video!r} comes after frame "
                    f"{before[2]}: record {after[1]} of {after[0]}; videos are "
                    "evaluated in the order of files and records"
                )
                return


def _frame_order(name: str) -> tuple[int, str]:
    """Returns a sort key: frames sort by number if numeric, otherwise by name."""
    return int(name) if name.isdecimal() else -1, name


class NumberedExample(NamedTuple):
    """A record and its location."""

    example: StoredExample
    path: str
    # Number of the record in its file, from 0.
    number: int


def examine(
    record: NumberedExample, info: DatasetInfo, decode_image: bool
) -> LabelReport:
    """Returns the report of one record.

    Args:
      record: the record.
      info: the data set.
      decode_image: whether to decode the image; otherwise only its size is read.
    """
    example, path, number = record
    report = LabelReport(records=1)
    if example.filename:
        report.add_name(example.filename, path, number)
    if example.sequence_id and example.frame_id:
        report.frames[example.sequence_id] = [(path, number, example.frame_id)]
    try:
        messages = _count(report, example, info, decode_image)
    except ValueError as error:
        messages = [str(error)]
    report.problems += [
        RecordProblem(path, number, example.filename, m) for m in messages
    ]
    return report


def _count(
    report: LabelReport, example: StoredExample, info: DatasetInfo, decode_image: bool
) -> list[str]:
    size = _image_size(example.image, decode_image)
    if size != (example.height, example.width):
        raise ValueError(
            f"the image is {size[0]} x {size[1]}, but the record specifies "
            f"{example.height} x {example.width}; convert it again"
        )
    report.sizes[size] += 1
    messages = []
    if example.class_id is not None:
        messages += _count_class(report, example.class_id, info)
    elif example.label is None:
        report.unlabelled += 1
    if example.label is not None:
        label = _decoded(example.label, example, info)
        messages += _count_label(report, label, info)
    if example.depth is not None:
        decode_depth(example.depth, example.depth_format, *size)
    for which, image, label in (
        ("previous", example.previous_image, example.previous_label),
        ("next", example.next_image, example.next_label),
    ):
        messages += _neighbour_problems(which, image, label, example, info)
    return messages


def _count_class(
    report: LabelReport, class_id: int, info: DatasetInfo
) -> Iterator[str]:
    """Adds the class of a whole image to a report; yields any problem with it."""
    if class_id in info.by_id or class_id == info.ignore_label:
        report.class_images[class_id] += 1
    else:
        yield (
            f"the image has class {class_id}, which is not in data set {info.name!r}, "
            f"whose ids are {_span(info)} and {info.ignore_label} (ignore); ids start "
            "at 0"
        )


def _decoded(label: bytes, example: StoredExample, info: DatasetInfo) -> np.ndarray:
    return decode_label(
        label,
        example.label_format,
        example.height,
        example.width,
        info.label_space,
    )


def _neighbour_problems(
    which: str,
    image: bytes | None,
    label: bytes | None,
    example: StoredExample,
    info: DatasetInfo,
) -> Iterator[str]:
    """Yields problems of a neighbouring frame; its own record counts its labels."""
    try:
        if image is not None:
            size = _image_size(image, decode=False)
            if size != (example.height, example.width):
                yield (
                    f"the {which} frame is {size[0]} x {size[1]}, the image is "
                    f"{example.height} x {example.width}"
                )
        if label is not None:
            found = _count_label(LabelReport(), _decoded(label, example, info), info)
            yield from (f"the {which} frame: {message}" for message in found)
    except ValueError as error:
        yield f"the {which} frame: {error}"


def _image_size(data: bytes, decode: bool) -> tuple[int, int]:
    """Returns height and width of an encoded image."""
    if decode:
        image = encoded_rgb(data, "the image")
        return image.height, image.width
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.height, image.width
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the image: not a readable image: {error}") from error


def _count_label(
    report: LabelReport, label: np.ndarray, info: DatasetInfo
) -> Iterator[str]:
    """Adds a label map to a report; yields the problems with it."""
    values, pixels, first = areas(find_runs(label))
    class_ids, instances = info.label_space.decode(values)
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
        elif known is not None and instance:
            report.numbered_stuff[class_id] += area
    report.class_images.update(seen)
    report.most_instances |= instance_count
    for class_id, (value, start) in wrong.items():
        row, column = divmod(start, label.shape[1])
        yield (
            f"pixel (row {row}, column {column}) has label {value}: class {class_id} "
            f"(label_divisor {info.label_divisor}) is not in data set {info.name!r}, "
            f"whose ids are {_span(info)} and {info.ignore_label} (ignore); map the id "
            "to one of them, or add the class to the description"
        )


def _span(info: DatasetInfo) -> str:
    ids = sorted(info.by_id)
    if ids == list(range(ids[0], ids[-1] + 1)):
        return f"{ids[0]} to {ids[-1]}"
    return ", ".join(map(str, ids))
