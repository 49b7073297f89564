"""Finds the images to predict, and the names of their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from deeplab.datasets.image_file import IMAGE_SUFFIXES

_SUFFIXES = IMAGE_SUFFIXES | {".gif"}


def find_images(places: Sequence[Path], output: Path) -> dict[Path, str]:
    """Returns image file -> name of its result, for files and folders.

    A result has the name of its image, relative to the given folder. The suffix is
    included if two images differ only in it. Files in `output` are ignored.

    Args:
      places: image files, and folders that are searched recursively.
      output: folder of the results, possibly of an earlier run.

    Raises:
      ValueError: a place does not exist, a folder has no images, or two images have the
        same name.
    """
    names: dict[Path, Path] = {}
    for place in places:
        if place.is_file():
            names[place] = Path(place.name)
            continue
        if not place.is_dir():
            raise ValueError(f"{place}: no such file or directory")
        found = [
            path
            for path in sorted(place.rglob("*"))
            if path.suffix.lower() in _SUFFIXES and _is_image_of(path, output)
        ]
        if not found:
            raise ValueError(f"{place} has no images ({', '.join(sorted(_SUFFIXES))})")
        names.update({path: path.relative_to(place) for path in found})
    stems = Counter(name.with_suffix("") for name in names.values())
    results = {
        path: str(name.with_suffix("") if stems[name.with_suffix("")] == 1 else name)
        for path, name in names.items()
    }
    twice = [name for name, count in Counter(results.values()).items() if count > 1]
    if twice:
        sources = [str(path) for path, name in results.items() if name == twice[0]]
        raise ValueError(
            f"{' and '.join(sources)} would both become {twice[0]}: write their "
            "predictions to different folders"
        )
    return results


def videos_of(images: Iterable[Path]) -> list[list[Path]]:
    """Returns the frames of videos: the images of each folder, sorted by name.

    Raises:
      ValueError: there is only one image.
    """
    frames = sorted(images)
    if len(frames) == 1:
        raise ValueError(
            f"{frames[0]} is a single image, but this model predicts videos: give a "
            "folder of frames, whose names sort in their order"
        )
    videos: dict[Path, list[Path]] = {}
    for path in frames:
        videos.setdefault(path.parent, []).append(path)
    return list(videos.values())


def _is_image_of(path: Path, output: Path) -> bool:
    """Returns whether a path is a file that is not a result of an earlier run."""
    return path.is_file() and not path.resolve().is_relative_to(output.resolve())
