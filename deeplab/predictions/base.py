"""What a format of stored predictions offers, and the ids in its files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from deeplab.core.dataset_info import DatasetInfo

# Ids below this are found by counting, which is faster than sorting.
_COUNTED = 2**16


class LabelMap(NamedTuple):
    """What is known of the pixels of an image.

    Attributes:
      panoptic: `[h, w]` int32 panoptic labels; `[0, 0]` where a file holds no
        instances, and says no size.
      scores: `[h, w]` float32, confidence of the instance that covers a pixel, 0 to 1;
        None where it is not known: all instances are equally sure.
      depth: `[h, w]` float32, metres; None where it is not known.
    """

    panoptic: np.ndarray
    scores: np.ndarray | None = None
    depth: np.ndarray | None = None


class StoredMap(NamedTuple):
    """A label map that is not read yet; travels between processes.

    Attributes:
      load: reads it. Raises ValueError or OSError that names the file.
      sequence: name of the video; empty for still images.
    """

    load: Callable[[], LabelMap]
    sequence: str = ""


class Sink(Protocol):
    """Takes label maps one by one, and is closed after the last."""

    def write(self, name: str, label_map: LabelMap) -> None:
        """Writes the labels of the image called `name`.

        Scores and depth are left out by formats that hold none.

        Raises:
          ValueError: an id does not fit into the format, or the name leads out of
            the folder.
        """
        ...

    def close(self) -> None:
        """Completes what is written."""
        ...


class Format(ABC):
    """A layout of files that hold the labels of images.

    Attributes:
      has_stuff: whether classes without instances are in it.
      has_instances: whether instances are told apart.
      is_video: whether its maps belong to sequences.
      lists_every_image: whether an image without segments has an entry, too.
      index: name of the file that lists all others, which is given as path; "" where
        it is the folder.
      metrics: names of the metrics that its files are measured by, if none are named.
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
          path: where they are.
          info: the data set; the labels come in its classes and divisor.

        Returns:
          Name of the image -> its map, in a fixed order.

        Raises:
          ValueError: there are none, or the files are not of this format.
        """

    @abstractmethod
    def writer(self, path: Path, info: DatasetInfo) -> Sink:
        """Begins to write label maps of a data set to a file or folder.

        Raises:
          ValueError: the format does not hold the ids of the data set.
        """

    def called(self, name: str) -> str:
        """Returns how `read` calls an image, of its path without ending.

        Raises:
          ValueError: an image of the format has no such path.
        """
        return name

    def refusals(self, path: Path) -> Iterator[tuple[str, str]]:
        """Yields file and reason of what can be read, but a server refuses."""
        del path
        yield from ()


def evaluation_id_table(info: DatasetInfo) -> np.ndarray:
    """Returns evaluation ids, indexed by the class ids of the labels.

    Void, and ids without a class, become 0, the void of the published servers; where
    0 is a class, the ignore label.
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
    """Returns the class ids of evaluation ids; void becomes the ignore label.

    Args:
      evaluation_ids: integers of any shape, none of them negative.
      info: the data set.
      where: what the message of an error begins with.

    Raises:
      ValueError: an id belongs to no class and is not void.
    """
    known = {c.evaluation_id: c.id for c in info.classes}
    void = int(evaluation_id_table(info)[info.ignore_label])
    known.setdefault(void, info.ignore_label)
    # What a program of 8 bits writes for void.
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
      ValueError: there are none.
    """
    found = sorted(folder.rglob(f"*{suffix}"))
    if not found:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a directory")
        raise ValueError(f"{folder} has no *{suffix} files")
    return found


def check_range(where: object, kind: str, largest: int, limit: int) -> None:
    """Refuses ids that a format cannot hold.

    Raises:
      ValueError: the largest id is above `limit`.
    """
    if largest > limit:
        raise ValueError(
            f"{where}: {kind} id {largest} does not fit into this format (at most "
            f"{limit}); choose another, such as two_channel_numpy_array"
        )
