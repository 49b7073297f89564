"""Results of COCO's instance segmentation: JSON of run lengths and scores.

Microsoft COCO: Common Objects in Context, T.-Y. Lin et al., ECCV 2014,
https://arxiv.org/abs/1405.0312; format: https://cocodataset.org/#format-results.
The file is a list of `image_id`, `category_id`, `segmentation` and `score`, which
`pycocotools` reads; it is written to disk image by image.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.base import path_inside
from deeplab.datasets.coco_instances import decode_segmentation
from deeplab.predictions import FORMATS
from deeplab.predictions.base import Format, LabelMap, StoredMap
from deeplab.predictions.coco_panoptic import image_id
from deeplab.predictions.instance_masks import (
    InstanceMask,
    painted,
    scored_instances,
    thing_of,
)
from deeplab.predictions.run_lengths import compress

_FIELDS = ("image_id", "category_id", "segmentation", "score")


@FORMATS.register("coco_instances")
class CocoInstancesFormat(Format):
    """Instances with scores; images without instances are not listed."""

    index = "instances.json"
    has_stuff = False
    lists_every_image = False
    metrics = ("instance_ap",)

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; `path` is the JSON, names are image ids."""
        if path.suffix != ".json" or not path.is_file():
            raise ValueError(f"{path}: give the JSON file of COCO instance results")
        found: dict[str, list[Mapping[str, Any]]] = collections.defaultdict(list)
        for entry in _entries(path):
            found[str(entry["image_id"])].append(entry)
        if not found:
            raise ValueError(f"{path}: no instances")
        return {
            name: StoredMap(functools.partial(_load, path, name, entries, info))
            for name, entries in found.items()
        }

    def writer(self, path: Path, info: DatasetInfo) -> CocoInstancesSink:
        """See `Format.writer`; `path` is the JSON."""
        return CocoInstancesSink(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return str(image_id(name))


class CocoInstancesSink:
    """Writes the JSON line by line; the file gets its name when it is closed."""

    def __init__(self, path: Path, info: DatasetInfo):
        """Starts to write the JSON `path`."""
        self._path = path
        self._info = info
        self._opened = contextlib.ExitStack()
        self._file = self._opened.enter_context(atomic_file(path))
        self._separator = b"[\n"

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`."""
        path_inside(self._path.parent, name, self._path)
        height, width = label_map.panoptic.shape
        for class_id, score, segment in scored_instances(label_map, self._info):
            counts = compress(segment, height, width).decode()
            entry = {
                "image_id": image_id(name),
                "category_id": self._info.by_id[class_id].evaluation_id,
                "segmentation": {"size": [height, width], "counts": counts},
                "score": score,
            }
            self._file.write(self._separator + json.dumps(entry).encode())
            self._separator = b",\n"

    def close(self) -> None:
        """Completes the JSON."""
        self._file.write(b"[]\n" if self._separator == b"[\n" else b"\n]\n")
        self._opened.close()


def _entries(path: Path) -> Sequence[Mapping[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}:{error.lineno}: not JSON ({error.msg}); is the file complete?"
        ) from error
    if not isinstance(content, list):
        raise ValueError(
            f"{path}: results have to be a list, not {type(content).__name__}"
        )
    for number, entry in enumerate(content):
        missing = [f for f in _FIELDS if not isinstance(entry, dict) or f not in entry]
        if missing:
            raise ValueError(
                f"{path}: result {number} has no {' and no '.join(missing)}"
            )
        score = entry["score"]
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise ValueError(
                f"{path}: result {number} has score {score!r}, not a finite number"
            )
    return content


def _load(
    path: Path, name: str, entries: Sequence[Mapping[str, Any]], info: DatasetInfo
) -> LabelMap:
    where = f"{path}: image {name}"
    try:
        height, width = (int(side) for side in entries[0]["segmentation"]["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{where}: results need run lengths with `size` and `counts` ({error!r})"
        ) from error
    masks = (
        InstanceMask(
            thing_of(entry["category_id"], info, where),
            float(entry["score"]),
            decode_segmentation(entry["segmentation"], (height, width), where),
        )
        for entry in entries
    )
    return painted(masks, (height, width), info, where)
