"""Draws small raw folders of data sets whose label files hold ids of classes.

Every label has four quarters of different ids; the last one is void.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.datasets.trees import photo


def quarters(a, b, c, d, dtype=np.int32):
    """An `[8, 12]` array of four values, or `[8, 12, n]` of four tuples."""
    rows = np.array([[a, b], [c, d]], dtype)
    return rows.repeat(4, 0).repeat(6, 1)


def grey(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.astype(np.uint8)).save(path)


def palette(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids.astype(np.uint8), "P")
    image.putpalette([7, 8, 9] * 256)
    image.save(path)


def colors(path, ids):
    """Writes packed colours as an RGB image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = np.stack([ids // 65536, ids // 256 % 256, ids % 256], -1)
    Image.fromarray(rgb.astype(np.uint8)).save(path)


def sbd_mat(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"GTcls": {"Segmentation": ids.astype(np.uint8)}})


def stuff_mat(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"S": ids.astype(np.uint16)})


@dataclass(frozen=True)
class IndexTree:
    """A data set's official layout with one labelled image.

    Attributes:
      dataset: its name.
      split: name of the split.
      image: path of the image.
      label: path of its label file.
      stored: ids in the quarters of the label file.
      classes: their classes.
      unknown: an id that the data set does not know.
      write: writes ids as a label file.
      lists: path of a list -> its content.
      before: images that come before, and their labels, as palette PNGs.
    """

    dataset: str
    split: str
    image: str
    label: str
    stored: tuple[int, int, int, int]
    classes: tuple[int, int, int, int]
    unknown: int
    write: Callable[[Path, np.ndarray], None] = grey
    lists: tuple[tuple[str, str], ...] = ()
    before: tuple[tuple[str, str], ...] = ()

    def draw(self, root):
        """Draws the folder and returns it."""
        photo(root / self.image)
        self.write(root / self.label, quarters(*self.stored))
        for path, content in self.lists:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        for image, label in self.before:
            photo(root / image)
            palette(root / label, quarters(0, 1, 2, 255))
        return root

    def __str__(self):
        return f"{self.dataset}-{self.split}"


_VOC = "VOCdevkit/VOC2012"
_VOC_LISTS = f"{_VOC}/ImageSets/Segmentation"
_SBD = "benchmark_RELEASE/dataset"
_CONTEXT = "VOCdevkit/VOC2010"
_CAMVID = {
    "image": "701_StillsRaw_full/0001TP_006690.png",
    "label": "LabeledApproved_full/0001TP_006690_L.png",
    # Bridge, Child, Sky, Void.
    "stored": (0x008040, 0xC08040, 0x808080, 0),
    "unknown": 0x010203,
    "write": colors,
}

TREES = [
    IndexTree(
        "ade20k_semantic",
        "val",
        "images/validation/ADE_val_00000001.jpg",
        "annotations/validation/ADE_val_00000001.png",
        (1, 13, 150, 0),
        (0, 12, 149, 255),
        151,
    ),
    IndexTree(
        "pascal_voc",
        "val",
        f"{_VOC}/JPEGImages/2007_000033.jpg",
        f"{_VOC}/SegmentationClass/2007_000033.png",
        (0, 15, 20, 255),
        (0, 15, 20, 255),
        21,
        palette,
        ((f"{_VOC_LISTS}/val.txt", "2007_000033\n"),),
    ),
    IndexTree(
        "pascal_voc",
        "train_aug",
        f"{_VOC}/JPEGImages/2008_000008.jpg",
        f"{_SBD}/cls/2008_000008.mat",
        (0, 13, 15, 255),
        (0, 13, 15, 255),
        30,
        sbd_mat,
        (
            (f"{_VOC_LISTS}/train.txt", "2007_000032\n"),
            (f"{_VOC_LISTS}/val.txt", "2007_000033\n"),
            (f"{_SBD}/train.txt", "2008_000008\n"),
            (f"{_SBD}/val.txt", "2007_000033\n"),
        ),
        (
            (
                f"{_VOC}/JPEGImages/2007_000032.jpg",
                f"{_VOC}/SegmentationClass/2007_000032.png",
            ),
        ),
    ),
    IndexTree(
        "pascal_context",
        "train",
        f"{_CONTEXT}/JPEGImages/2008_000002.jpg",
        f"{_CONTEXT}/SegmentationClassContext/2008_000002.png",
        (1, 2, 59, 0),
        (0, 1, 58, 255),
        60,
        grey,
        ((f"{_CONTEXT}/ImageSets/SegmentationContext/train.txt", "2008_000002\n"),),
    ),
    IndexTree(
        "coco_stuff_164k",
        "val",
        "images/val2017/000000000139.jpg",
        "annotations/val2017/000000000139.png",
        # person, stop sign, wood; 11, street sign, is never used.
        (0, 12, 181, 255),
        (0, 11, 170, 255),
        11,
    ),
    IndexTree(
        "coco_stuff_10k",
        "test",
        "images/COCO_train2014_000000000077.jpg",
        "annotations/COCO_train2014_000000000077.mat",
        (1, 13, 182, 0),
        (0, 11, 170, 255),
        12,
        stuff_mat,
        (("imageLists/test.txt", "COCO_train2014_000000000077\n"),),
    ),
    IndexTree(
        "camvid",
        "train",
        # SegNet's lists name its own copies of image and label.
        lists=(
            (
                "train.txt",
                "/SegNet/CamVid/train/0001TP_006690.png "
                "/SegNet/CamVid/trainannot/0001TP_006690.png\n",
            ),
        ),
        classes=(1, 9, 0, 255),
        **_CAMVID,
    ),
    IndexTree("camvid_32", "all", classes=(3, 7, 21, 255), **_CAMVID),
    IndexTree(
        "bdd100k",
        "val",
        "images/10k/val/7d2f7975-e0c1c5a7.jpg",
        "labels/sem_seg/masks/val/7d2f7975-e0c1c5a7.png",
        (0, 13, 18, 255),
        (0, 13, 18, 255),
        19,
    ),
]
