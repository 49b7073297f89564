"""Images beside label images whose pixels are ids of classes: grey or palette PNGs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.base import LoadedImage, RawImage, path_inside
from deeplab.datasets.image_file import read_image
from deeplab.datasets.runs import areas, find_runs, relabel

# From the path of a label file to `[H, W]` int32 ids.
IdReader = Callable[[Path], np.ndarray]


def read_index_png(path: Path) -> np.ndarray:
    """Reads the `[H, W]` int32 pixels of a grey or palette PNG, colours left aside.

    Raises:
      ValueError: the file is no whole grey or palette image.
      FileNotFoundError: there is no such file.
    """
    image = read_image(path)
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        raise ValueError(f"{path}: ids are a grey or palette PNG, not {image.mode}")
    return np.asarray(image).astype(np.int32)


def ids_of(info: DatasetInfo, *, void: Iterable[int] = ()) -> dict[int, int]:
    """Returns evaluation id -> class id, and `void` -> ignore label."""
    ids = dict.fromkeys(void, info.ignore_label)
    return ids | {c.evaluation_id: c.id for c in info.classes}


def class_label(
    ids: np.ndarray, class_ids: Mapping[int, int], info: DatasetInfo, path: Path
) -> np.ndarray:
    """Returns the `[H, W]` int32 panoptic labels of ids of classes; no instances.

    Args:
      ids: `[H, W]` int32, what a label file says.
      class_ids: such an id -> class id, or the ignore label.
      info: the data set.
      path: where the ids come from, for messages.

    Raises:
      ValueError: an id is not listed.
    """
    runs = find_runs(ids)
    found, _, first = areas(runs)
    for value, start in zip(found.tolist(), first.tolist(), strict=True):
        if value not in class_ids:
            y, x = divmod(start, ids.shape[1])
            raise ValueError(
                f"{path}: pixel (row {y}, column {x}) has id {value}, which is none of "
                f"data set {info.name!r}"
            )
    new = {v: info.label_space.encode(class_ids[v], 0) for v in found.tolist()}
    return relabel(runs, found, new, ids.shape)


def load_indexed(
    path: Path,
    label_path: Path,
    class_ids: Mapping[int, int],
    info: DatasetInfo,
    read_ids: IdReader = read_index_png,
) -> LoadedImage:
    """Reads an image and the label file that belongs to it; see `class_label`."""
    label = class_label(read_ids(label_path), class_ids, info, label_path)
    return LoadedImage(path.read_bytes(), label)


def found_images(folder: Path, pattern: str) -> list[Path]:
    """Returns the files of a folder, sorted.

    Raises:
      ValueError: there are none.
    """
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise ValueError(f"{folder}: no {pattern} images here; is the root right?")
    return paths


def images_beside_labels(
    images: Iterable[Path],
    label_path: Callable[[Path], Path],
    class_ids: Mapping[int, int],
    info: DatasetInfo,
) -> list[RawImage]:
    """Returns images whose label is an index PNG, named by their files.

    Args:
      images: the image files.
      label_path: image file -> its label file.
      class_ids: see `class_label`.
      info: the data set.
    """
    return [
        RawImage(
            path.stem,
            functools.partial(load_indexed, path, label_path(path), class_ids, info),
            str(path),
        )
        for path in images
    ]


def read_names(path: Path) -> list[str]:
    """Reads a list of image names: the first word of each line, repeats left out.

    Raises:
      ValueError: the list is empty.
      FileNotFoundError: there is no such file.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    if not names:
        raise ValueError(f"{path}: no image is listed here")
    return list(dict.fromkeys(names))


def named_files(
    folder: Path, names: Sequence[str], ending: str, listed: Path
) -> list[Path]:
    """Returns the files of a folder that a list names without their ending.

    Raises:
      ValueError: a name leads out of the folder.
      FileNotFoundError: a file is missing.
    """
    paths = [path_inside(folder, f"{name}{ending}", listed) for name in names]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: missing, but {listed} lists it")
    return paths
