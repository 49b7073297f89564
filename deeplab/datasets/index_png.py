"""Reads images with index PNGs: grey or palette PNGs whose pixels are class ids."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.base import LoadedImage, RawImage, path_inside
from deeplab.datasets.image_file import read_image
from deeplab.datasets.runs import areas, find_runs, relabel

# Path of a label file -> `[H, W]` int32 ids.
IdReader = Callable[[Path], np.ndarray]


def read_index_png(path: Path) -> np.ndarray:
    """Reads the `[H, W]` int32 values or palette indices of a grey or palette PNG.

    Raises:
      ValueError: the file is not a complete grey or palette image.
      FileNotFoundError: the file does not exist.
    """
    image = read_image(path)
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        raise ValueError(f"{path}: not a grey or palette PNG, but {image.mode}")
    return np.asarray(image).astype(np.int32)


def ids_of(info: DatasetInfo, *, void: Iterable[int] = ()) -> dict[int, int]:
    """Returns evaluation id -> class id, and `void` -> ignore label."""
    ids = dict.fromkeys(void, info.ignore_label)
    return ids | {c.evaluation_id: c.id for c in info.classes}


def class_label(
    ids: np.ndarray, class_ids: Mapping[int, int], info: DatasetInfo, path: Path
) -> np.ndarray:
    """Converts the ids of a label file to panoptic labels without instances.

    Args:
      ids: `[H, W]` int32, the ids of a label file.
      class_ids: id in the file -> class id, or the ignore label.
      info: the data set.
      path: the label file, for error messages.

    Returns:
      `[H, W]` int32 panoptic labels.

    Raises:
      ValueError: an id is not in `class_ids`.
    """
    runs = find_runs(ids)
    found, _, first = areas(runs)
    for value, start in zip(found.tolist(), first.tolist(), strict=True):
        if value not in class_ids:
            y, x = divmod(start, ids.shape[1])
            raise ValueError(
                f"{path}: pixel (row {y}, column {x}) has id {value}, which is not in "
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
    """Reads an image and its label file; see `class_label`."""
    label = class_label(read_ids(label_path), class_ids, info, label_path)
    return LoadedImage(path.read_bytes(), label)


def found_images(folder: Path, pattern: str) -> list[Path]:
    """Returns the files of a folder that match a pattern, sorted.

    Raises:
      ValueError: no file matches.
    """
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise ValueError(f"{folder}: no {pattern} images here; is the root correct?")
    return paths


def images_beside_labels(
    images: Iterable[Path],
    label_path: Callable[[Path], Path],
    class_ids: Mapping[int, int],
    info: DatasetInfo,
) -> list[RawImage]:
    """Returns images whose labels are index PNGs, named after their files.

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
    """Reads a list of image names: the first word of each line, without duplicates.

    Raises:
      ValueError: the list is empty.
      FileNotFoundError: the file does not exist.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    if not names:
        raise ValueError(f"{path}: the list has no images")
    return list(dict.fromkeys(names))


def named_files(
    folder: Path, names: Sequence[str], ending: str, listed: Path
) -> list[Path]:
    """Returns the files of a folder that a list names without its suffix.

    Raises:
      ValueError: a name points outside the folder.
      FileNotFoundError: a file does not exist.
    """
    paths = [path_inside(folder, f"{name}{ending}", listed) for name in names]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist, but {listed} lists it")
    return paths
