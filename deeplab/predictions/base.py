"""The interface of formats of stored predictions, and the ids in their files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from deeplab.core.dataset_info import DatasetInfo

# Distinct ids below this are found by counting, which is faster than sorting.
_COUNTED = 2**16


class LabelMap(NamedTuple):
    """The labels of an image, with scores and depth if known.

    Attributes:
      panoptic: `[h, w]` int32 panoptic labels; `[0, 0]` if a file has no instances and
        no size.
      scores: `[h, w]` float32, confidence of the instance at each pixel, 0 to 1; None
        if unknown, in which case all instances have the same confidence.
      depth: `[h, w]` float32, metres; None if unknown.
    """

    panoptic: np.ndarray
    scores: np.ndarray | None = None
    depth: np.ndarray | None = None


class StoredMap(NamedTuple):
    """A label map that is not yet read; can be sent between processes.

    Attributes:
      load: reads the map. Raises ValueError or OSError that names the file.
      sequence: name of the video; empty for still images.
    """

    load: Callable[[], LabelMap]
    sequence: str = ""


class Sink(Protocol):
    """Writes label maps one by one; must be closed after the last."""

    def write(self, name: str, label_map: LabelMap) -> None:
        """Writes the labels of the image called `name`.

        Formats without scores or depth ignore them.

        Raises:
          ValueError: an id does not fit into the format, or the name points outside
            the folder.
        """
        ...

    def close(self) -> None:
        """Completes the written files."""
        ...


class Format(ABC):
    """A file layout for the labels of images.

    Attributes:
      has_stuff: whether it stores classes without instances.
      has_instances: whether it distinguishes instances.
      is_video: whether its maps belong to sequences.
      lists_every_image: whether images without segments have an entry as well.
      index: name of the file that lists all others, whose path is then the path of the
        predictions; "" if that is the folder.
      metrics: names of the default metrics.
    """

    has_stuff: bool = True
    has_instances: bool = True
    is_video: bool = False
    lists_every_image: bool = True
    index: str = ""
    metrics: tuple[str, ...] = ("panoptic_quality", "mean_iou")

    @abstractmethod
    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """Lists the label maps of a file or folder.

        Args:
          path: the file or folder.
          info: the data set, whose class ids and label divisor the labels use.

        Returns:
          Name of the image -> its map, in a fixed order.

        Raises:
          ValueError: there are no maps, or the files do not have this format.
        """

    @abstractmethod
    def writer(self, path: Path, info: DatasetInfo) -> Sink:
        """Returns a writer of label maps of a data set to a file or folder.

        Raises:
          ValueError: the format cannot store the ids of the data set.
        """

    def called(self, name: str) -> str:
        """Returns the name that `read` gives an image, from its path without suffix.

        Raises:
          ValueError: the path is not one of an image of this format.
        """
        return name

    def refusals(self, path: Path) -> Iterator[tuple[str, str]]:
        """Yields file and reason for files that are readable but a server rejects."""
        del path
        yield from ()


def evaluation_id_table(info: DatasetInfo) -> np.ndarray:
    """Returns the evaluation ids, indexed by class id.

    Void, and ids without a class, become 0, which is void on the evaluation servers; if
    0 is a class, they become the ignore label.
    """
    zero_is_class = any(c.evaluation_id == 0 for c in info.classes)
    void = info.ignore_label if zero_is_class else 0
    table = np.full(max(info.num_classes, info.ignore_label + 1), void, np.int32)
    for one in info.classes:
        table[one.id] = one.evaluation_id
    return table


def class_ids(
    evaluation_ids: np.ndarray, info: DatasetInfo, where: object
) -> np.ndarray:
    """Converts evaluation ids to class ids; void becomes the ignore label.

    Args:
      evaluation_ids: non-negative integers of any shape.
      info: the data set.
      where: what error messages begin with.

    Raises:
      ValueError: an id belongs to no class and is not void.
    """
    known = {c.evaluation_id: c.id for c in info.classes}
    void = int(evaluation_id_table(info)[info.ignore_label])
    known.setdefault(void, info.ignore_label)
    # Programs that write 8-bit ids use 255 for void.
    known.setdefault(255, info.ignore_label)
    if evaluation_ids.max() < _COUNTED:
        present = np.flatnonzero(np.bincount(np.ravel(evaluation_ids)))
    else:
        present = np.unique(evaluation_ids)
    unknown = sorted(set(present.tolist()) - set(known))
    if unknown:
        raise ValueError(
            f"{where}: ids {unknown[:10]} are not evaluation ids of {info.name!r}"
        )
    table = np.zeros(int(present.max()) + 1, np.int32)
    table[present] = [known[value] for value in present.tolist()]
    return table[evaluation_ids]


def files_below(folder: Path, suffix: str) -> list[Path]:
    """Returns the files below a folder that end in `suffix`, sorted.

    Raises:
      ValueError: the folder does not exist or has no such files.
    """
    found = sorted(folder.rglob(f"*{suffix}"))
    if not found:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a directory")
        raise ValueError(f"{folder} has no *{suffix} files")
    return found


def check_range(where: object, kind: str, largest: int, limit: int) -> None:
    """Rejects ids that a format cannot store.

    Raises:
      ValueError: the largest id is above `limit`.
    """
    if largest > limit:
        raise ValueError(
            f"{where}: {kind} id {largest} does not fit into this format (at most "
            f"{limit}); choose another, such as two_channel_numpy_array"
        )
