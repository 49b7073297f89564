"""BDD100K: dash cam frames from the USA, 10,000 of them with every pixel labelled.

Fisher Yu et al., "BDD100K: A Diverse Driving Dataset for Heterogeneous Multitask
Learning", CVPR 2020 (https://www.vis.xyz/bdd100k). Files of "10K Images" and of the
semantic or panoptic segmentation, as the site distributes them:

  images/10k/{train,val,test}/*.jpg
  labels/sem_seg/masks/{train,val}/*.png      grey; Cityscapes' train ids, 255 void
  labels/pan_seg/bitmasks/{train,val}/*.png   RGBA: category, attributes, instance
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
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
from deeplab.datasets.coco import plain_image
from deeplab.datasets.image_file import read_image
from deeplab.datasets.index_png import (
    found_images,
    ids_of,
    images_beside_labels,
)
from deeplab.datasets.panoptic_png import panoptic_label
from deeplab.datasets.runs import areas, find_runs

_SPLITS = {"train": 7000, "val": 1000, "test": 2000}
# Bits of the attribute byte.
_IGNORE, _CROWD = 1, 2


def _info(name: str, ignore_label: int) -> DatasetInfo:
    return table_info(
        name,
        table=name,
        ignore_label=ignore_label,
        label_divisor=1000,
        splits=_SPLITS,
    )


@DATASETS.register("bdd100k")
class Bdd100k(Dataset):
    """BDD100K semantic: the 19 classes of Cityscapes."""

    def __init__(self):
        super().__init__(_info("bdd100k", 255))

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(_SPLITS))
        images = found_images(root / "images" / "10k" / split, "*.jpg")
        if split == "test":
            return [plain_image(path.stem, path) for path in images]
        folder = root / "labels" / "sem_seg" / "masks" / split
        return images_beside_labels(
            images,
            lambda path: folder / f"{path.stem}.png",
            ids_of(self.info, void=(255,)),
            self.info,
        )


@DATASETS.register("bdd100k_panoptic")
class Bdd100kPanoptic(Dataset):
    """BDD100K panoptic: 40 classes, of which 10 are things; class 0 is unlabeled."""

    def __init__(self):
        super().__init__(_info("bdd100k_panoptic", 0))

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`."""
        check_split(self.info, split, tuple(_SPLITS))
        images = found_images(root / "images" / "10k" / split, "*.jpg")
        if split == "test":
            return [plain_image(path.stem, path) for path in images]
        folder = root / "labels" / "pan_seg" / "bitmasks" / split
        return [
            RawImage(
                path.stem,
                functools.partial(
                    _load_bitmask, path, folder, self.info, crowd_as_ignore
                ),
                str(path),
            )
            for path in images
        ]


def _load_bitmask(
    path: Path, folder: Path, info: DatasetInfo, crowd_as_ignore: bool
) -> LoadedImage:
    """Reads an image and its bitmask; regions marked "ignore" become void.

    Instances are numbered per class, in ascending order of their ids in the file.
    """
    label_path = folder / f"{path.stem}.png"
    mask = read_image(label_path)
    if mask.mode != "RGBA":
        raise ValueError(
            f"{label_path}: a bitmask must be an RGBA PNG, not {mask.mode}"
        )
    red, green, blue, alpha = np.moveaxis(np.asarray(mask).astype(np.int32), -1, 0)
    crowd = (green & _CROWD) // _CROWD
    ids = (red << 17) + (crowd << 16) + (blue << 8) + alpha
    ids[(red == 0) | (green & _IGNORE > 0)] = 0
    found, _, _ = areas(find_runs(ids))
    things = {c.evaluation_id for c in info.classes if c.is_thing}
    segments = [
        {
            "id": i,
            "category_id": i >> 17,
            "iscrowd": (i >> 16) % 2 if i >> 17 in things else 0,
        }
        for i in found.tolist()
        if i
    ]
    label = panoptic_label(
        ids,
        segments,
        {c.evaluation_id: c.id for c in info.classes},
        info,
        crowd_as_ignore=crowd_as_ignore,
        path=label_path,
    )
    return LoadedImage(path.read_bytes(), label)
