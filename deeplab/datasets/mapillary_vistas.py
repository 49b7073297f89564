"""Mapillary Vistas 1.2: street scenes from all over the world with 65 classes.

Gerhard Neuhold et al., "The Mapillary Vistas Dataset for Semantic Understanding of
Street Scenes", ICCV 2017 (https://www.mapillary.com/dataset/vistas). Files of
release 1.2, or of release 2.0 with the old labels in `v1.2`:

  {training,validation}/images/*.jpg
  {training,validation}/[v1.2/]panoptic/panoptic_2018.json, and *.png next to it
  {training,validation}/[v1.2/]instances/*.png   16 bits: class * 256 + instance
  testing/images/*.jpg

The panoptic files are used if they exist.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedImage,
    RawImage,
    check_split,
    table_info,
)
from deeplab.datasets.coco import annotation_of, load_annotated, plain_image
from deeplab.datasets.index_png import found_images, read_index_png
from deeplab.datasets.panoptic_png import panoptic_label, read_annotations
from deeplab.datasets.runs import areas, find_runs

_FOLDERS = {"train": "training", "val": "validation", "test": "testing"}
# Class "Unlabeled" of the instance files.
_UNLABELED = 65


@DATASETS.register("mapillary_vistas")
class MapillaryVistas(Dataset):
    """Mapillary Vistas panoptic; evaluation ids are those of the panoptic JSON."""

    def __init__(self):
        super().__init__(
            table_info(
                "mapillary_vistas",
                table="mapillary_vistas",
                ignore_label=255,
                label_divisor=1000,
                splits={"train": 18000, "val": 2000, "test": 5000},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`."""
        check_split(self.info, split, tuple(_FOLDERS))
        folder = root / _FOLDERS[split]
        images = found_images(folder / "images", "*.jpg")
        if split == "test":
            return [plain_image(path.stem, path) for path in images]
        labels = folder / "v1.2" if (folder / "v1.2").is_dir() else folder
        loader = self._loader(labels, crowd_as_ignore)
        return [RawImage(path.stem, loader(path), str(path)) for path in images]

    def _loader(
        self, labels: Path, crowd_as_ignore: bool
    ) -> Callable[[Path], Callable[[], LoadedImage]]:
        """Returns a function from an image's path to the function that loads it."""
        class_ids = {c.evaluation_id: c.id for c in self.info.classes}
        listed = labels / "panoptic" / "panoptic_2018.json"
        if not listed.exists():
            return lambda path: functools.partial(
                _load_instances, path, labels / "instances", self.info
            )
        entries = read_annotations(listed)
        return lambda path: functools.partial(
            load_annotated,
            path,
            annotation_of(entries, path.stem, path, listed),
            listed.parent,
            class_ids,
            self.info,
            crowd_as_ignore,
        )


def _load_instances(path: Path, folder: Path, info: DatasetInfo) -> LoadedImage:
    """Reads an image and its instance file, which numbers instances from 0."""
    label_path = folder / f"{path.stem}.png"
    values = read_index_png(label_path)
    # Id 0 is void for `panoptic_label`.
    ids = np.where(values // 256 == _UNLABELED, 0, values + 1)
    found, _, _ = areas(find_runs(ids))
    segments = [
        {"id": value, "category_id": (value - 1) // 256}
        for value in found.tolist()
        if value
    ]
    label = panoptic_label(
        ids,
        segments,
        {c.id: c.id for c in info.classes},
        info,
        crowd_as_ignore=False,
        path=label_path,
    )
    return LoadedImage(path.read_bytes(), label)
