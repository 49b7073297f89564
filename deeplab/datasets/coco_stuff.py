"""COCO-Stuff: COCO's images with 80 thing and 91 stuff classes, without instances.

Holger Caesar et al., "COCO-Stuff: Thing and Stuff Classes in Context", CVPR 2018
(https://github.com/nightrome/cocostuff). Of its table of 182 ids, 11 are never used.

164k, with the pixel maps of `stuffthingmaps_trainval2017.zip`:

  images/{train,val}2017/*.jpg
  annotations/{train,val}2017/*.png   grey; id - 1, 255 is unlabeled

10k (https://github.com/nightrome/cocostuff10k), version 1.1:

  images/*.jpg
  annotations/*.mat                   variable `S`: id, 0 is unlabeled
  imageLists/{train,test}.txt
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, RawImage, check_split, table_info
from deeplab.datasets.index_png import (
    found_images,
    ids_of,
    images_beside_labels,
    load_indexed,
    named_files,
    read_names,
)
from deeplab.datasets.matlab_file import read_mat


def _info(name: str, splits: dict[str, int]) -> DatasetInfo:
    return table_info(
        name,
        table="coco_stuff",
        ignore_label=255,
        label_divisor=1000,
        splits=splits,
    )


@DATASETS.register("coco_stuff_164k")
class CocoStuff164k(Dataset):
    """COCO-Stuff on all of COCO; evaluation ids are those of the table of 182 ids."""

    def __init__(self):
        super().__init__(_info("coco_stuff_164k", {"train": 118287, "val": 5000}))

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(self.info.splits))
        folder = root / "annotations" / f"{split}2017"
        stored = {c.evaluation_id - 1: c.id for c in self.info.classes}
        return images_beside_labels(
            found_images(root / "images" / f"{split}2017", "*.jpg"),
            lambda path: folder / f"{path.stem}.png",
            {255: self.info.ignore_label, **stored},
            self.info,
        )


@DATASETS.register("coco_stuff_10k")
class CocoStuff10k(Dataset):
    """The first release of COCO-Stuff, with 10,000 images and the same classes."""

    def __init__(self):
        super().__init__(_info("coco_stuff_10k", {"train": 9000, "test": 1000}))

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds, and `test` has labels."""
        check_split(self.info, split, tuple(self.info.splits))
        listed = root / "imageLists" / f"{split}.txt"
        return [
            RawImage(
                path.stem,
                functools.partial(
                    load_indexed,
                    path,
                    root / "annotations" / f"{path.stem}.mat",
                    ids_of(self.info, void=(0,)),
                    self.info,
                    _read_map,
                ),
                str(path),
            )
            for path in named_files(root / "images", read_names(listed), ".jpg", listed)
        ]


def _read_map(path: Path) -> np.ndarray:
    (ids,) = read_mat(path, "S")
    return np.asarray(ids).astype(np.int32)
