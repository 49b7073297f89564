"""Cityscapes' instance-level format: a list of masks for each image.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
2016, https://arxiv.org/abs/1604.01685; as `cityscapesScripts` reads it:
<city>_<sequence>_<frame>.txt has a line for each mask: its path relative to the list,
its label id and its score. A mask is a PNG that is nonzero inside. Ground truth,
`*_gtFine_instanceIds.png`, can be read as well.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.base import path_inside
from deeplab.datasets.image_file import read_image
from deeplab.datasets.index_png import read_index_png
from deeplab.datasets.runs import areas, find_runs, relabel
from deeplab.predictions import FORMATS
from deeplab.predictions.base import Format, LabelMap, StoredMap, files_below
from deeplab.predictions.cityscapes_pixel import MAX_LABEL_ID, check_label_ids
from deeplab.predictions.instance_masks import (
    InstanceMask,
    painted,
    scored_instances,
)
from deeplab.predictions.semantic_png import image_name

_TRUTH = "_gtFine_instanceIds.png"
# Ground truth ids are label id * 1000 + number; smaller ids are regions.
_DIVISOR = 1000


@FORMATS.register("cityscapes_instances")
class CityscapesInstances(Format):
    """Instances with scores."""

    has_stuff = False
    metrics = ("cityscapes_instance_ap",)

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; names are <city>_<sequence>_<frame>."""
        check_label_ids(info)
        load: Callable[[Path, Path, DatasetInfo], LabelMap] = _load_truth
        files = sorted(path.rglob(f"*{_TRUTH}"))
        if not files:
            load, files = _load, files_below(path, ".txt")
        found: dict[str, StoredMap] = {}
        for file in files:
            name = image_name(file.relative_to(path))
            if name in found:
                raise ValueError(f"{file}: a second file of {name!r}")
            found[name] = StoredMap(functools.partial(load, file, path, info))
        return found

    def writer(self, path: Path, info: DatasetInfo) -> CityscapesInstancesSink:
        """See `Format.writer`; all lists are in one folder, masks in `masks`."""
        check_label_ids(info)
        return CityscapesInstancesSink(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return image_name(Path(name))


class CityscapesInstancesSink:
    """Writes the masks of each image, and then their list."""

    def __init__(self, folder: Path, info: DatasetInfo):
        """Writes into `folder`."""
        self._folder = folder
        self._info = info

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`.

        Raises:
          ValueError: the name points outside the folder, or has a space, which the
            lists cannot represent.
        """
        name = image_name(Path(name))
        listed = path_inside(self._folder, f"{name}.txt", self._folder)
        if any(c.isspace() for c in name):
            raise ValueError(f"{listed}: names of masks cannot have spaces")
        lines = []
        found = scored_instances(label_map, self._info)
        for number, (class_id, score, segment) in enumerate(found):
            file = f"masks/{name}_{number:04d}.png"
            mask = (label_map.panoptic == segment.label).astype(np.uint8) * 255
            with atomic_file(self._folder / file) as opened:
                Image.fromarray(mask).save(opened, "PNG")
            label_id = self._info.by_id[class_id].evaluation_id
            lines.append(f"{file} {label_id} {score!r}\n")
        with atomic_file(listed) as opened:
            opened.write("".join(lines).encode())

    def close(self) -> None:
        """Does nothing: every file is already complete."""


def _load(listed: Path, root: Path, info: DatasetInfo) -> LabelMap:
    masks = list(_masks(listed, root, info))
    if not masks:
        return LabelMap(np.zeros((0, 0), np.int32))
    return painted(masks, masks[0].mask.shape, info, listed)


def _masks(listed: Path, root: Path, info: DatasetInfo) -> Iterator[InstanceMask]:
    """Yields the masks of a list, except those with ids that are not evaluated."""
    things = {c.evaluation_id: c.id for c in info.classes if c.is_thing}
    lines = listed.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split(" ")
        try:
            file, label_id, score = words[0], int(float(words[1])), float(words[2])
        except (IndexError, ValueError) as error:
            raise ValueError(
                f"{listed}:{number}: a line has to be the path of a mask, a label id "
                f"and a score, separated by spaces, not {line!r}"
            ) from error
        if len(words) != 3 or not math.isfinite(score):
            raise ValueError(f"{listed}:{number}: not a mask, an id, a score: {line!r}")
        if not 0 <= label_id <= MAX_LABEL_ID:
            raise ValueError(
                f"{listed}:{number}: label id {label_id} is not 0 to {MAX_LABEL_ID}"
            )
        folder = listed.parent.relative_to(root)
        path = path_inside(root, str(folder / file), listed)
        if label_id in things:
            mask = np.asarray(read_image(path).convert("L")) != 0
            yield InstanceMask(things[label_id], score, mask)


def _load_truth(path: Path, root: Path, info: DatasetInfo) -> LabelMap:
    """Reads the ids of the ground truth.

    A region of a thing class becomes a crowd. Instances of classes that are not
    evaluated keep their number: only the official instance metric treats their pixels
    as background; elsewhere they are void.
    """
    del root
    ids = read_index_png(path)
    runs = find_runs(ids)
    found, _, _ = areas(runs)
    classes = {c.evaluation_id: c for c in info.classes}
    new_label = {}
    for value in found.tolist():
        is_instance = value >= _DIVISOR
        known = classes.get(value // _DIVISOR if is_instance else value)
        class_id = known.id if known else info.ignore_label
        # Cityscapes numbers instances from 0, which means crowd here.
        instance = value % _DIVISOR + 1 if is_instance else 0
        new_label[value] = info.label_space.encode(class_id, instance)
    return LabelMap(relabel(runs, found, new_label, ids.shape))
