"""Pascal VOC 2012 semantic: 20 classes and background, with the augmented set.

Mark Everingham et al., "The Pascal Visual Object Classes Challenge: A Retrospective",
IJCV 2015 (http://host.robots.ox.ac.uk/pascal/VOC/voc2012), and Bharath Hariharan et
al., "Semantic Contours from Inverse Detectors", ICCV 2011. Their masks (SBD) are part
of `train_aug`: all of VOC's `train` and SBD except VOC's `val`.

  VOCdevkit/VOC2012/JPEGImages/*.jpg
  VOCdevkit/VOC2012/SegmentationClass/*.png   palette; 255 is void
  VOCdevkit/VOC2012/ImageSets/Segmentation/{train,val,trainval,test}.txt
  benchmark_RELEASE/dataset/{train,val}.txt, cls/*.mat        for `train_aug`

If both have a mask of an image, VOC's is used. SBD's own files are not needed if there
are the folder `SegmentationClassAug`, with PNGs of all images, and the list
`ImageSets/Segmentation/trainaug.txt`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    RawImage,
    check_split,
    path_inside,
    table_info,
)
from deeplab.datasets.coco import plain_image
from deeplab.datasets.index_png import (
    ids_of,
    images_beside_labels,
    load_indexed,
    named_files,
    read_names,
)
from deeplab.datasets.matlab_file import read_mat


@DATASETS.register("pascal_voc")
class PascalVoc(Dataset):
    """Pascal VOC 2012; class 0 is background, a class like others; 255 is void."""

    def __init__(self):
        super().__init__(
            table_info(
                "pascal_voc",
                table="pascal_voc",
                ignore_label=255,
                label_divisor=1000,
                splits={
                    "train": 1464,
                    "train_aug": 10582,
                    "trainval": 2913,
                    "val": 1449,
                    "test": 1456,
                },
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; there are no crowds."""
        check_split(self.info, split, tuple(self.info.splits))
        base = root / "VOCdevkit" / "VOC2012"
        if split == "train_aug":
            return self._augmented(root, base)
        listed = base / "ImageSets" / "Segmentation" / f"{split}.txt"
        images = named_files(base / "JPEGImages", read_names(listed), ".jpg", listed)
        if split == "test":
            return [plain_image(path.stem, path) for path in images]
        return self._with_pngs(images, base / "SegmentationClass")

    def _with_pngs(self, images: Sequence[Path], folder: Path) -> list[RawImage]:
        return images_beside_labels(
            images,
            lambda path: folder / f"{path.stem}.png",
            ids_of(self.info, void=(255,)),
            self.info,
        )

    def _augmented(self, root: Path, base: Path) -> list[RawImage]:
        lists = base / "ImageSets" / "Segmentation"
        photos = base / "JPEGImages"
        ready = lists / "trainaug.txt"
        if ready.exists():
            images = named_files(photos, read_names(ready), ".jpg", ready)
            return self._with_pngs(images, base / "SegmentationClassAug")
        sbd = root / "benchmark_RELEASE" / "dataset"
        own, held_out = (read_names(lists / f"{s}.txt") for s in ("train", "val"))
        added = [n for s in ("train", "val") for n in read_names(sbd / f"{s}.txt")]
        added = sorted(set(added) - set(own) - set(held_out))
        drawn = self._with_pngs(
            named_files(photos, own, ".jpg", lists / "train.txt"),
            base / "SegmentationClass",
        )
        for path in named_files(photos, added, ".jpg", sbd / "train.txt"):
            load = functools.partial(
                load_indexed,
                path,
                path_inside(sbd / "cls", f"{path.stem}.mat", sbd / "train.txt"),
                ids_of(self.info, void=(255,)),
                self.info,
                _read_sbd,
            )
            drawn.append(RawImage(path.stem, load, str(path)))
        return drawn


def _read_sbd(path: Path) -> np.ndarray:
    """Reads the `[H, W]` int32 classes of an SBD mask."""
    (classes,) = read_mat(path, "GTcls")
    return np.asarray(classes.Segmentation).astype(np.int32)
