"""Your own data: a folder of images and index PNGs, described by a JSON file.

  description.json          classes, ignore_label, label_divisor
  [<split>/]images/**/*.jpg (or .jpeg, .png, .bmp, .tif, .webp)
  [<split>/]labels/**/*.png the same name, one of
      grey or palette, 8 or 16 bits: class ids (no instances)
      RGB or RGBA: panoptic ids r + 256 g + 65536 b, which are
        class id * label_divisor + instance id

If there is no folder of the split, the root itself is read. Without a `labels` folder
the images have no labels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.dataset_info import DatasetInfo, read_description
from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, LoadedImage, RawImage
from deeplab.datasets.coco import plain_image
from deeplab.datasets.image_file import IMAGE_SUFFIXES
from deeplab.datasets.panoptic_png import read_segment_ids


@DATASETS.register("folder")
class Folder(Dataset):
    """Images and index PNGs in a folder."""

    def __init__(self, description: Path | None = None):
        """Reads the JSON description of the classes.

        Raises:
          ValueError: the file is not a description.
          FileNotFoundError: the file does not exist.
        """
        self._description = read_description(description) if description else None

    @property
    def info(self) -> DatasetInfo:
        """The description: what the labels mean."""
        if self._description is None:
            raise ValueError(
                "data set 'folder' needs a description of its classes: set "
                "dataset_description or dataset_description_file"
            )
        return self._description

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`."""
        if not (root / split).is_dir() and not (root / "images").is_dir():
            raise ValueError(f"{root} has neither a folder {split!r} nor `images`")
        base = root / split if (root / split).is_dir() else root
        images, label_folder = base / "images", base / "labels"
        paths = sorted(
            p for p in images.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES
        )
        if not paths:
            raise ValueError(f"{images} has no images")
        if not label_folder.is_dir():
            return [plain_image(_name(p, images), p) for p in paths]
        return [
            RawImage(
                name := _name(path, images),
                functools.partial(
                    _load,
                    path,
                    label_folder / f"{name}.png",
                    self.info,
                    crowd_as_ignore,
                ),
                str(path),
            )
            for path in paths
        ]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _load(
    path: Path, label_path: Path, info: DatasetInfo, crowd_as_ignore: bool
) -> LoadedImage:
    if not label_path.exists():
        raise FileNotFoundError(f"{path}: its label {label_path} does not exist")
    label = _read_label(label_path, info)
    if crowd_as_ignore:
        crowd = [info.label_space.encode(i, 0) for i in info.thing_ids]
        void = info.label_space.void
        label = np.where(np.isin(label, crowd), np.int32(void), label)
    return LoadedImage(path.read_bytes(), label)


def _read_label(path: Path, info: DatasetInfo) -> np.ndarray:
    """Returns the `[H, W]` int32 panoptic labels of an index PNG."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            # The array of a palette image has its indices.
            indices = np.asarray(image) if mode in ("1", "L", "P") else None
            if mode.startswith("I"):
                indices = np.asarray(image)
    except (SyntaxError, OSError) as error:
        raise ValueError(f"{path}: not a readable image: {error}") from error
    if indices is None:
        return read_segment_ids(path)
    return info.label_space.encode(indices.astype(np.int32), 0)
