"""Cityscapes: street scenes of 1024 x 2048 pixels with 19 classes.

Marius Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
Understanding", CVPR 2016 (https://www.cityscapes-dataset.com). Files as the site
distributes them, with the panoptic files of cityscapesScripts if they exist:

  leftImg8bit/{train,val,test}/<city>/*_leftImg8bit.png
  gtFine/cityscapes_panoptic_{train,val}_trainId.json, and the folder of that name
  gtFine/cityscapes_panoptic_{train,val}.json, and the folder of that name
  gtFine/{train,val}/<city>/*_gtFine_instanceIds.png

The first of the three label sources that exists is used; all give the same labels. The
published converter supports only the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
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
from deeplab.datasets.index_png import read_index_png
from deeplab.datasets.panoptic_png import (
    Annotation,
    panoptic_label,
    read_annotations,
)

_IMAGE_ENDING = "_leftImg8bit.png"


@DATASETS.register("cityscapes_panoptic")
class CityscapesPanoptic(Dataset):
    """Cityscapes panoptic; evaluation ids are the site's label ids."""

    def __init__(self):
        super().__init__(
            table_info(
                "cityscapes_panoptic",
                table="cityscapes",
                ignore_label=255,
                label_divisor=1000,
                splits={
                    "train_fine": 2975,
                    "val_fine": 500,
                    "trainval_fine": 3475,
                    "test_fine": 1525,
                },
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; splits are `train`, `val` and `test`."""
        check_split(self.info, split, ("train", "val", "test"))
        folder = root / "leftImg8bit" / split
        images = sorted(folder.glob(f"*/*{_IMAGE_ENDING}"))
        if not images:
            raise ValueError(
                f"{folder}: no <city>/*{_IMAGE_ENDING} images here; is the root "
                "correct?"
            )
        if split == "test":
            return [plain_image(_name(path), path) for path in images]
        loader = self._loader(root / "gtFine", split, crowd_as_ignore)
        return [RawImage(_name(path), loader(path), str(path)) for path in images]

    def _loader(
        self, labels: Path, split: str, crowd_as_ignore: bool
    ) -> Callable[[Path], Callable[[], LoadedImage]]:
        """Returns a function from an image's path to the function that loads it."""
        train_ids = {c.id: c.id for c in self.info.classes}
        label_ids = {c.evaluation_id: c.id for c in self.info.classes}
        for ending, class_ids in (("_trainId", train_ids), ("", label_ids)):
            listed = labels / f"cityscapes_panoptic_{split}{ending}.json"
            if listed.exists():
                return functools.partial(
                    _panoptic_loader,
                    listed,
                    read_annotations(listed),
                    class_ids,
                    self.info,
                    crowd_as_ignore,
                )
        return functools.partial(
            _instances_loader, labels / split, self.info, crowd_as_ignore
        )


def _name(path: Path) -> str:
    return path.name.removesuffix(_IMAGE_ENDING)


def _panoptic_loader(
    listed: Path,
    entries: Mapping[str, Annotation],
    class_ids: Mapping[int, int],
    info: DatasetInfo,
    crowd_as_ignore: bool,
    path: Path,
) -> Callable[[], LoadedImage]:
    name = f"{_name(path)}_gtFine_panoptic"
    return functools.partial(
        load_annotated,
        path,
        annotation_of(entries, name, path, listed),
        listed.with_suffix(""),
        class_ids,
        info,
        crowd_as_ignore,
    )


def _instances_loader(
    labels: Path, info: DatasetInfo, crowd_as_ignore: bool, path: Path
) -> Callable[[], LoadedImage]:
    name = f"{_name(path)}_gtFine_instanceIds.png"
    return functools.partial(
        _load_instances, path, labels / path.parent.name / name, info, crowd_as_ignore
    )


def _load_instances(
    path: Path, label_path: Path, info: DatasetInfo, crowd_as_ignore: bool
) -> LoadedImage:
    """Reads an image and its instance ids: label id * 1000 + n, or only label id."""
    ids = read_index_png(label_path)
    label_ids = {c.evaluation_id: c for c in info.classes}
    segments = []
    for segment_id in np.unique(ids).tolist():
        category = segment_id if segment_id < 1000 else segment_id // 1000
        if category not in label_ids:
            ids[ids == segment_id] = 0
            continue
        crowd = segment_id < 1000 and label_ids[category].is_thing
        segments.append({"id": segment_id, "category_id": category, "iscrowd": crowd})
    label = panoptic_label(
        ids,
        segments,
        {label_id: c.id for label_id, c in label_ids.items()},
        info,
        crowd_as_ignore=crowd_as_ignore,
        path=label_path,
    )
    return LoadedImage(path.read_bytes(), label)
