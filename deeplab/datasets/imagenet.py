"""ImageNet-1k: 1.28 million images with 1,000 classes, for classification.

Olga Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV
2015 (https://www.image-net.org). The images of the 2012 challenge, in one of the
common layouts:

  train/<synset>/*.JPEG
  val/<synset>/*.JPEG, or val/*.JPEG and Kaggle's LOC_val_solution.csv
  test/*.JPEG                                                      without classes

A class id is the position of its synset (such as n01440764) in sorted order.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    TABLES,
    Dataset,
    LoadedImage,
    RawImage,
    check_split,
    table_info,
)
from deeplab.datasets.coco import plain_image
from deeplab.datasets.index_png import found_images


@DATASETS.register("imagenet")
class ImageNet(Dataset):
    """ImageNet-1k; images have a class instead of a label map."""

    def __init__(self):
        super().__init__(
            table_info(
                "imagenet",
                table="imagenet",
                ignore_label=1000,
                label_divisor=1000,
                splits={"train": 1281167, "val": 50000, "test": 100000},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(self.info.splits))
        folder = root / split
        if split == "test":
            return [plain_image(p.stem, p) for p in found_images(folder, "*.JPEG")]
        class_ids = _class_ids()
        listed = root / "LOC_val_solution.csv"
        if split == "val" and listed.exists():
            images = found_images(folder, "*.JPEG")
            synsets = _read_solution(listed)
            missing = [p for p in images if p.stem not in synsets]
            if missing:
                raise ValueError(f"{listed} does not list {missing[0].stem}")
            named = [(path, synsets[path.stem], listed) for path in images]
        else:
            images = found_images(folder, "*/*.JPEG")
            named = [(path, path.parent.name, path) for path in images]
        for _, synset, source in named:
            if synset not in class_ids:
                raise ValueError(f"{source}: {synset!r} is not among the 1,000 synsets")
        return [
            RawImage(
                path.stem,
                functools.partial(_load, path, class_ids[synset]),
                str(path),
            )
            for path, synset, _ in named
        ]


def _load(path: Path, class_id: int) -> LoadedImage:
    return LoadedImage(path.read_bytes(), class_id=class_id)


def _class_ids() -> Mapping[str, int]:
    """Returns synset -> class id."""
    with (TABLES / "imagenet.csv").open(newline="", encoding="utf-8") as f:
        return {row["synset"]: int(row["id"]) for row in csv.DictReader(f)}


def _read_solution(path: Path) -> Mapping[str, str]:
    """Returns image name -> synset, the first word of `PredictionString`.

    Raises:
      ValueError: the file lacks Kaggle's columns.
    """
    with path.open(newline="", encoding="utf-8") as f:
        reader = csv.DictReader(f)
        if not {"ImageId", "PredictionString"} <= set(reader.fieldnames or ()):
            raise ValueError(f"{path} lacks the columns ImageId, PredictionString")
        return {
            row["ImageId"]: (row["PredictionString"] or "").partition(" ")[0]
            for row in reader
        }
