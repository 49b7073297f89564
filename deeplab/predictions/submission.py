"""Whether predictions are what an evaluation server takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.image_file import IMAGE_SUFFIXES
from deeplab.predictions.base import Format, StoredMap

# (height, width) of an image; None where it is not known.
Size = tuple[int, int] | None


class Refusal(NamedTuple):
    """What a server refuses, and where."""

    where: str
    what: str


def problems(
    layout: Format,
    path: Path,
    info: DatasetInfo,
    images: Mapping[str, Size] | None = None,
) -> Iterator[Refusal]:
    """Yields what a server would refuse.

    Args:
      layout: the format.
      path: the files, a folder or the file that lists them.
      info: the data set.
      images: all images that are to be predicted, by their path without ending; None
        where they are not known.
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
            yield Refusal(name, "a prediction of no image that is asked for")


def _maps(
    maps: Mapping[str, StoredMap], expected: Mapping[str, Size] | None
) -> Iterator[Refusal]:
    """Yields maps that are damaged, hold wrong ids or have another size."""
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
    """Returns what a format takes as path: in a folder, its only JSON, or itself.

    Raises:
      ValueError: there is no such JSON, or several.
    """
    if not layout.index or not path.is_dir():
        return path
    found = sorted(path.glob(f"*{Path(layout.index).suffix}"))
    if len(found) != 1:
        raise ValueError(
            f"the format has one JSON beside its folder, such as {layout.index}; there "
            f"are {len(found)}"
        )
    return found[0]


def images_of(place: Path) -> dict[str, Size]:
    """Returns the images of a folder, or those that a text file names line by line.

    Args:
      place: a folder, whose images are looked for below it, too; or the list.

    Returns:
      Path without ending -> size, which a list does not tell.

    Raises:
      ValueError: there are none, or one is not an image.
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
        raise ValueError(f"{place}: no image is listed here")
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
