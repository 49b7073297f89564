"""Describes what the labels of a data set mean: classes, colours, divisor, void."""

from __future__ import annotations

import colorsys
import csv
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from deeplab.core.labels import LabelSpace

# Name of the data set of a model whose config specifies none.
UNNAMED = "unnamed"


@dataclass(frozen=True)
class ClassInfo:
    """One class of a data set.

    Attributes:
      id: value in label maps (the "train id").
      name: human-readable name.
      is_thing: whether its instances are distinguished.
      color: (red, green, blue), 0 to 255.
      evaluation_id: id in files for an evaluation server.
    """

    id: int
    name: str
    is_thing: bool
    color: tuple[int, int, int]
    evaluation_id: int


@dataclass(frozen=True)
class DatasetInfo:
    """The description of a data set, validated on construction.

    Attributes:
      name: name of the data set in configs.
      classes: the classes. Ids run from 0 to `num_classes - 1`, except that the
        ignore label may be one of them and has no class.
      num_classes: number of channels of a semantic output.
      ignore_label: class id of pixels that belong to no class.
      label_divisor: see `LabelSpace`.
      splits: split name -> number of images, as published.
      is_video: whether the images form sequences.
      is_depth: whether the data set has depth maps.
      ignore_depth: depth value of pixels without depth.
      camera_names: cameras of a multi-camera data set.

    Raises:
      ValueError: class ids are repeated or out of range, a colour is outside 0 to
        255, or the divisor is below 2.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    num_classes: int
    ignore_label: int
    label_divisor: int
    splits: Mapping[str, int] = field(default_factory=dict)
    is_video: bool = False
    is_depth: bool = False
    ignore_depth: float | None = None
    camera_names: tuple[str, ...] = ()

    def __post_init__(self):
        ids = [c.id for c in self.classes]
        problems = []
        if len(set(ids)) != len(ids):
            repeated = sorted({i for i in ids if ids.count(i) > 1})
            problems.append(f"class ids {repeated} are listed twice")
        outside = [i for i in ids if not 0 <= i < self.num_classes]
        if outside:
            problems.append(
                f"class ids {outside} are outside 0 to {self.num_classes - 1}"
            )
        if self.ignore_label in ids:
            problems.append(f"class id {self.ignore_label} is also the ignore label")
        if self.label_divisor < 2:
            problems.append(f"label_divisor {self.label_divisor} is below 2")
        for c in self.classes:
            if len(c.color) != 3 or not all(0 <= v <= 255 for v in c.color):
                problems.append(
                    f"class {c.name!r}: colour {c.color} is not RGB, 0 to 255"
                )
        if problems:
            raise ValueError(f"data set {self.name!r}: {'; '.join(problems)}")

    @property
    def thing_ids(self) -> tuple[int, ...]:
        """Ids of the classes whose instances are distinguished, ascending."""
        return tuple(sorted(c.id for c in self.classes if c.is_thing))

    @property
    def stuff_ids(self) -> tuple[int, ...]:
        """Ids of the other classes, ascending."""
        return tuple(sorted(c.id for c in self.classes if not c.is_thing))

    @functools.cached_property
    def label_space(self) -> LabelSpace:
        """The arithmetic of the labels, without names and colours."""
        return LabelSpace(
            num_classes=self.num_classes,
            thing_ids=self.thing_ids,
            stuff_ids=self.stuff_ids,
            ignore_label=self.ignore_label,
            label_divisor=self.label_divisor,
        )

    @functools.cached_property
    def by_id(self) -> dict[int, ClassInfo]:
        """Class id -> class."""
        return {c.id: c for c in self.classes}


def load_class_table(path: Path) -> tuple[ClassInfo, ...]:
    """Reads a CSV class table with columns id, name, is_thing, eval_id, r, g, b."""
    with path.open(newline="", encoding="utf-8") as f:
        return tuple(
            ClassInfo(
                id=int(row["id"]),
                name=row["name"],
                is_thing=row["is_thing"] == "1",
                color=(int(row["r"]), int(row["g"]), int(row["b"])),
                evaluation_id=int(row["eval_id"]),
            )
            for row in csv.DictReader(f)
        )


def described_dataset(name: str, description: Mapping[str, Any]) -> DatasetInfo:
    """Returns the data set that a user describes.

    Args:
      name: display name of the data set.
      description: the fields of the config message `DatasetDescription`:
        `classes` (each with `id`, and optionally `name`, `is_thing`, `color`,
        `evaluation_id`), `ignore_label`, `label_divisor`.

    Raises:
      ValueError: a field is unknown, missing or out of range.
    """
    known = {"name", "classes", "ignore_label", "label_divisor"}
    unknown = sorted(set(description) - known)
    if unknown:
        raise ValueError(
            f"data set {name!r}: unknown fields {unknown}; known: {sorted(known)}"
        )
    entries: Sequence[Mapping[str, Any]] = description.get("classes", ())
    if not entries:
        raise ValueError(f"data set {name!r}: the description lists no `classes`")
    classes = tuple(
        _described_class(name, entry, index, len(entries))
        for index, entry in enumerate(entries)
    )
    ignore_label = int(description.get("ignore_label", 255))
    # An ignore label among the ids (as 0 in COCO) has a channel of its own.
    num_classes = max(c.id for c in classes) + 1
    return DatasetInfo(
        name=name,
        classes=classes,
        num_classes=num_classes,
        ignore_label=ignore_label,
        label_divisor=int(description.get("label_divisor", 1000)),
    )


def read_description(path: Path) -> DatasetInfo:
    """Reads the description of a data set from a JSON file.

    Raises:
      ValueError: the file is not JSON or not a valid description.
    """
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    if not isinstance(description, dict):
        raise ValueError(f"{path}: a description must be a JSON object with `classes`")
    return described_dataset(str(description.get("name", path.stem)), description)


def description_of(info: DatasetInfo) -> dict[str, Any]:
    """Returns the description from which `described_dataset` restores the classes."""
    return {
        "name": info.name,
        "ignore_label": info.ignore_label,
        "label_divisor": info.label_divisor,
        "classes": [
            {
                "id": c.id,
                "name": c.name,
                "is_thing": c.is_thing,
                "color": list(c.color),
                "evaluation_id": c.evaluation_id,
            }
            for c in info.classes
        ],
    }


def _described_class(
    dataset: str, entry: Mapping[str, Any], index: int, count: int
) -> ClassInfo:
    known = {"id", "name", "is_thing", "color", "evaluation_id"}
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ValueError(
            f"data set {dataset!r}, class {index}: unknown fields {unknown}; "
            f"known: {sorted(known)}"
        )
    if "id" not in entry:
        raise ValueError(f"data set {dataset!r}, class {index}: `id` is missing")
    class_id = int(entry["id"])
    return ClassInfo(
        id=class_id,
        name=str(entry.get("name", f"class {class_id}")),
        is_thing=bool(entry.get("is_thing", False)),
        # `DatasetInfo` checks that there are three values.
        color=cast(
            "tuple[int, int, int]", tuple(int(v) for v in entry.get("color", ()))
        )
        or distinct_color(index, count),
        evaluation_id=int(entry.get("evaluation_id", class_id)),
    )


def distinct_color(index: int, count: int) -> tuple[int, int, int]:
    """Returns colour `index` of `count` colours that are easy to tell apart."""
    # Neighbours differ in both hue and brightness.
    value = (0.95, 0.7, 0.5)[index % 3]
    red, green, blue = colorsys.hsv_to_rgb(index / max(count, 1), 0.75, value)
    return round(red * 255), round(green * 255), round(blue * 255)
