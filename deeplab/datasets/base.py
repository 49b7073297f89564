"""The interface of data sets: a description, and a list of raw images to convert."""

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
    """A neighbouring frame of an image in a video."""

    # As in `LoadedImage`.
    image: bytes
    label: np.ndarray | None = None


class LoadedImage(NamedTuple):
    """The content of one raw image."""

    # An encoded image file: JPEG, PNG, or any other format that Pillow reads.
    image: bytes
    # [H, W] int32 panoptic labels; None for images without labels.
    label: np.ndarray | None = None
    # The previous and next frames; a video's first frame is its own previous one.
    previous: LoadedFrame | None = None
    next: LoadedFrame | None = None
    # [H, W] float32, metres, 0 where unknown.
    depth: np.ndarray | None = None
    # Names of the video and of the frame in it; frames are sorted by name.
    sequence_id: str | None = None
    frame_id: str | None = None
    # Class of the whole image; None if it has none.
    class_id: int | None = None
    # Name of the camera, if there are several, and the images that the other cameras
    # took at the same time, which go into the same record.
    camera: str = ""
    others: tuple[LoadedImage, ...] = ()


@dataclass(frozen=True)
class RawImage:
    """An image of a raw folder that is not yet read; can be sent between processes.

    Attributes:
      name: name of the image, unique in its split; the file name in the record.
      load: reads the image. Raises ValueError or OSError that names the file.
      source: where the image comes from, for error messages.
    """

    name: str
    load: Callable[[], LoadedImage]
    source: str


class Dataset:
    """A data set. Without a reader of its own, it is only a description."""

    def __init__(self, info: DatasetInfo):
        self._info = info

    @property
    def info(self) -> DatasetInfo:
        """The description: what the labels mean."""
        return self._info

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """Lists the images of a split, in a fixed order.

        Args:
          root: folder of the raw data, laid out as the data set's site distributes it.
          split: name of the split.
          crowd_as_ignore: whether crowd regions get the ignore label, as in published
            records, instead of instance id 0 of their class.

        Raises:
          ValueError: the folder does not contain the split.
        """
        raise ValueError(
            f"data set {self.info.name!r} has a description, but no reader of its raw "
            f"folder ({root}, split {split!r}); existing records can be used as usual"
        )


def table_info(
    name: str, *, table: str, ignore_label: int, label_divisor: int, **fields: Any
) -> DatasetInfo:
    """Returns the description of a built-in data set.

    Args:
      name: name of the data set in configs.
      table: name of the class table in `tables/`.
      ignore_label: class id of pixels that belong to no class. If it is below the
        largest class id, it has its own output channel.
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
    """Returns `root / relative`, a path that comes from a downloaded file.

    Raises:
      ValueError: the path is outside `root`.
    """
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{named_by}: file name {relative!r} points outside {root}")
    return path
