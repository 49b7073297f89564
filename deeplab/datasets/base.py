"""What every data set offers: a description, and a list of raw images to convert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeplab.core.dataset_info import DatasetInfo, load_class_table

# Folder of the class tables.
TABLES = Path(__file__).parent / "tables"


class LoadedFrame(NamedTuple):
    """A neighbour of an image in a video."""

    # As in `LoadedImage`.
    image: bytes
    label: np.ndarray | None = None


class LoadedImage(NamedTuple):
    """The content of one raw image."""

    # An encoded file: JPEG, PNG, or anything else that Pillow reads.
    image: bytes
    # [H, W] int32 panoptic labels; None for images without labels.
    label: np.ndarray | None = None
    # The frames before and after; the first frame of a video precedes itself.
    previous: LoadedFrame | None = None
    next: LoadedFrame | None = None
    # [H, W] float32 metres, 0 where unknown.
    depth: np.ndarray | None = None
    # Name of the video, and of the frame in it; frames sort by it.
    sequence_id: str | None = None
    frame_id: str | None = None
    # Class of the image as a whole; None where it has none.
    class_id: int | None = None
    # Which of several cameras it is from, and the images of the others at the same
    # moment, which go into the same record.
    camera: str = ""
    others: tuple[LoadedImage, ...] = ()


@dataclass(frozen=True)
class RawImage:
    """One image of a raw folder, not read yet; travels between processes.

    Attributes:
      name: unique in its split; becomes the file name in the record.
      load: reads it. Raises ValueError or OSError that names the file.
      source: where it comes from, for messages.
    """

    name: str
    load: Callable[[], LoadedImage]
    source: str


class Dataset:
    """A data set. Those without a reader of their own only carry a description."""

    def __init__(self, info: DatasetInfo):
        self._info = info

    @property
    def info(self) -> DatasetInfo:
        """What the labels mean."""
        return self._info

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """Lists the images of a split, in a fixed order.

        Args:
          root: the folder as the data set's site hands it out.
          split: name of the split.
          crowd_as_ignore: gives crowd regions the ignore label, as published
            records have it, instead of instance id 0 of their class.

        Raises:
          ValueError: the folder does not hold such a split.
        """
        raise ValueError(
            f"data set {self.info.name!r} is described, but its raw folder cannot be "
            f"read yet ({root}, split {split!r}); records that exist are used as usual"
        )


def table_info(
    name: str, *, table: str, ignore_label: int, label_divisor: int, **fields: Any
) -> DatasetInfo:
    """Returns the description of a built-in data set.

    Args:
      name: its name in configs.
      table: name of the class table under `tables/`.
      ignore_label: class id of pixels that belong to no class. Below the largest
        class id it has an output channel of its own.
      label_divisor: see `deeplab.core.labels`.
      **fields: further fields of `DatasetInfo`.
    """
    classes = load_class_table(TABLES / f"{table}.csv")
    return DatasetInfo(
        name=name,
        classes=classes,
        num_classes=max(c.id for c in classes) + 1,
        ignore_label=ignore_label,
        label_divisor=label_divisor,
        **fields,
    )


def check_split(info: DatasetInfo, split: str, known: Sequence[str]) -> None:
    """Raises ValueError unless `split` is one of `known`."""
    if split not in known:
        raise ValueError(
            f"data set {info.name!r} has no split {split!r}; known: {', '.join(known)}"
        )


def path_inside(root: Path, relative: str, named_by: Path) -> Path:
    """Returns `root / relative`, a path that a downloaded file names.

    Raises:
      ValueError: the path leaves `root`.
    """
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{named_by}: file name {relative!r} leads out of {root}")
    return path
