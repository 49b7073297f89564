"""The COCO panoptic format: JSON, and a folder of PNGs with segment ids.

Panoptic Segmentation, A. Kirillov et al., CVPR 2019, https://arxiv.org/abs/1801.00868;
format: https://cocodataset.org/#format-data. The folder of the PNGs has the name of the
JSON without its suffix. Cityscapes' panoptic server accepts the same files, with
Cityscapes' evaluation ids as categories. Areas are counted, and those in the JSON must
agree: the official tool trusts them, and can report more than 100 % if one is wrong.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import ClassInfo, DatasetInfo, distinct_color
from deeplab.datasets.base import path_inside
from deeplab.datasets.panoptic_png import (
    Annotation,
    by_name,
    panoptic_label,
    read_annotation_list,
    read_segment_ids,
)
from deeplab.datasets.runs import areas, find_runs
from deeplab.predictions import FORMATS
from deeplab.predictions.base import Format, LabelMap, StoredMap
from deeplab.predictions.segment_png import MAX_ID, write_segment_ids


class CocoPanopticFormat(Format):
    """Segments with an id, a category and, in ground truth, a crowd flag."""

    index = "panoptic.json"

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; `path` is the JSON, names are image ids."""
        if path.suffix != ".json" or not path.is_file():
            raise ValueError(f"{path}: give the JSON file of a COCO panoptic folder")
        folder = path.with_suffix("")
        categories = {c.evaluation_id: c.id for c in info.classes}
        entries = by_name(path, read_annotation_list(path), lambda e: e.image_id)
        if not entries:
            raise ValueError(f"{path}: no annotations")
        return {
            name: StoredMap(functools.partial(_load, folder, entry, categories, info))
            for name, entry in entries.items()
        }

    def writer(self, path: Path, info: DatasetInfo) -> CocoSink:
        """See `Format.writer`; `path` is the JSON."""
        return CocoSink(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return str(image_id(name))

    def refusals(self, path: Path) -> Iterator[tuple[str, str]]:
        """See `Format.refusals`: segments of the JSON without pixels."""
        folder = path.with_suffix("")
        for entry in read_annotation_list(path):
            file = path_inside(folder, entry.file_name, folder)
            drawn = set(np.unique(read_segment_ids(file)).tolist())
            absent = [s["id"] for s in entry.segments if s["id"] not in drawn]
            if absent:
                yield str(file), f"segments {absent[:10]} of the JSON have no pixels"


class CocoSink:
    """Writes each PNG immediately, and the JSON at the end."""

    def __init__(self, path: Path, info: DatasetInfo):
        """Writes the JSON `path`, and the PNGs to the folder next to it."""
        self._path = path
        self._info = info
        self._annotations: list[dict[str, Any]] = []

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`; the segments of an image are numbered from 1."""
        panoptic = label_map.panoptic
        folder = self._path.with_suffix("")
        path = path_inside(folder, f"{name}.png", folder)
        runs = find_runs(panoptic)
        found, pixels, _ = areas(runs)
        table = np.zeros(len(found), np.int64)
        segments = []
        for index, label in enumerate(found.tolist()):
            class_id = self._info.label_space.class_of(label)
            if class_id not in self._info.by_id:
                continue
            table[index] = len(segments) + 1
            segments.append(
                {
                    "id": len(segments) + 1,
                    "category_id": self._info.by_id[class_id].evaluation_id,
                    "area": int(pixels[index]),
                    "iscrowd": 0,
                }
            )
        if len(segments) > MAX_ID:
            raise ValueError(f"{path}: more than {MAX_ID} segments")
        ids = np.repeat(table[np.searchsorted(found, runs.values)], runs.lengths)
        ids = ids.reshape(panoptic.shape)
        write_segment_ids(path, ids)
        self._annotations.append(
            {
                "image_id": image_id(name),
                "file_name": f"{name}.png",
                "segments_info": segments,
            }
        )

    def close(self) -> None:
        """Writes the JSON."""
        content = {
            "annotations": self._annotations,
            "categories": [
                {"id": c.evaluation_id, "name": c.name, "isthing": int(c.is_thing)}
                for c in self._info.classes
            ],
        }
        with atomic_file(self._path) as file:
            file.write(json.dumps(content).encode())


def image_id(name: str) -> int | str:
    """Returns the id of an image in COCO's files: a number if the name is one."""
    return int(name) if name.isdecimal() else name


def described_by(path: Path) -> DatasetInfo:
    """Returns the data set that the `categories` of a JSON describe.

    Raises:
      ValueError: the categories are missing or invalid.
    """
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder: give its JSON instead, or also name the data set"
        )
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["categories"]
        classes = tuple(
            ClassInfo(
                id=index,
                name=str(entry.get("name", entry["id"])),
                is_thing=bool(entry["isthing"]),
                color=distinct_color(index, len(entries)),
                evaluation_id=int(entry["id"]),
            )
            for index, entry in enumerate(entries)
        )
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: no `categories` with `id`, `name` and `isthing` ({error!r}); "
            "name the data set instead"
        ) from error
    return DatasetInfo(
        path.stem, classes, len(classes), ignore_label=len(classes), label_divisor=2**16
    )


def _load(
    folder: Path,
    entry: Annotation,
    categories: Mapping[int, int],
    info: DatasetInfo,
) -> LabelMap:
    path = path_inside(folder, entry.file_name, folder)
    label = panoptic_label(
        read_segment_ids(path),
        entry.segments,
        categories,
        info,
        crowd_as_ignore=False,
        path=path,
    )
    return LabelMap(label)


@FORMATS.register("coco_panoptic")
def build_coco_panoptic() -> CocoPanopticFormat:
    """Returns COCO's panoptic format."""
    return CocoPanopticFormat()
