"""Checks whether an evaluation server would accept predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.image_file import IMAGE_SUFFIXES
from deeplab.predictions.base import Format, StoredMap

# (height, width) of an image; None if unknown.
Size = tuple[int, int] | None


class Refusal(NamedTuple):
    """What a server would reject, and where."""

    where: str
    what: str


def problems(
    layout: Format,
    path: Path,
    info: DatasetInfo,
    images: Mapping[str, Size] | None = None,
) -> Iterator[Refusal]:
    """Yields what a server would reject.

    Args:
      layout: the format.
      path: folder of the predictions, or the file that lists them.
      info: the data set.
      images: path without suffix -> size, for all images to be predicted; None if
        unknown.
    """
    try:
        maps = layout.read(path, info)
    except (ValueError, OSError) as error:
        yield Refusal(str(path), str(error))
        return
    expected = None
    if images is not None:
        expected = {layout.called(name): size for name, size in images.items()}
    sound = True
    for problem in [*_names(layout, maps, expected), *_maps(maps, expected)]:
        sound = False
        yield problem
    if sound:
        for where, what in layout.refusals(path):
            yield Refusal(where, what)


def _names(
    layout: Format, maps: Mapping[str, StoredMap], expected: Mapping[str, Size] | None
) -> Iterator[Refusal]:
    """Yields images without a prediction and predictions without an image."""
    if expected is None:
        return
    for name in expected:
        if layout.lists_every_image and name not in maps:
            yield Refusal(name, "no prediction of this image")
    for name in maps:
        if name not in expected:
            yield Refusal(name, "not one of the images to be predicted")


def _maps(
    maps: Mapping[str, StoredMap], expected: Mapping[str, Size] | None
) -> Iterator[Refusal]:
    """Yields maps that are corrupt, have wrong ids or another size than the image."""
    for name, stored in maps.items():
        size = None if expected is None else expected.get(name)
        try:
            found = stored.load()
        except (ValueError, OSError) as error:
            yield Refusal(name, str(error))
        else:
            for kind, one in (("labels", found.panoptic), ("depth", found.depth)):
                if one is not None and one.size and size and one.shape != size:
                    yield Refusal(
                        name,
                        f"{kind} of {one.shape[0]} x {one.shape[1]} pixels; the image "
                        f"has {size[0]} x {size[1]}",
                    )


def listed_file(path: Path, layout: Format) -> Path:
    """Returns the path that a format reads: the only JSON of a folder, or `path`.

    Raises:
      ValueError: the folder has no JSON or several.
    """
    if not layout.index or not path.is_dir():
        return path
    found = sorted(path.glob(f"*{Path(layout.index).suffix}"))
    if len(found) != 1:
        raise ValueError(
            f"{path}: the format needs exactly one JSON here, such as {layout.index}, "
            f"but there are {len(found)}: name the file"
        )
    return found[0]


def images_of(place: Path) -> dict[str, Size]:
    """Returns the images of a folder, or those that a text file names line by line.

    Args:
      place: a folder, which is searched recursively, or a text file.

    Returns:
      Path without suffix -> size; the size is None for images from a text file.

    Raises:
      ValueError: there are no images, or a file is not an image.
      OSError: a file cannot be read.
    """
    if not place.is_dir():
        lines = place.read_text(encoding="utf-8").splitlines()
        found: dict[str, Size] = {_stem(line.strip()): None for line in lines if line}
    else:
        files = [
            p for p in sorted(place.rglob("*")) if p.suffix.lower() in IMAGE_SUFFIXES
        ]
        found = {_stem(str(f.relative_to(place))): _size(f) for f in files}
    if not found:
        raise ValueError(f"{place}: no images here")
    return found


def _stem(name: str) -> str:
    path = Path(name)
    return (
        path.with_suffix("") if path.suffix.lower() in IMAGE_SUFFIXES else path
    ).as_posix()


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path}: not a readable image: {error}") from error
