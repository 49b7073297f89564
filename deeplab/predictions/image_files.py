"""Images to predict: which files they are, and what their results are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from deeplab.datasets.image_file import IMAGE_SUFFIXES

_SUFFIXES = IMAGE_SUFFIXES | {".gif"}


def find_images(places: Sequence[Path], output: Path) -> dict[Path, str]:
    """Returns the image files of files and folders, and the name of their results.

    A result is named after its image, in the same folder below a given one; with its
    suffix where two images differ in nothing else. What lies in `output` is left out.

    Args:
      places: image files, and folders whose images are looked for below them, too.
      output: folder of the results, which may be one of an earlier run.

    Raises:
      ValueError: a place does not exist, a folder holds no image, or two images have
        the same name.
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
            raise ValueError(f"{place} holds no image ({', '.join(sorted(_SUFFIXES))})")
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
            f"{' and '.join(sources)} would both become {twice[0]}: predict them into "
            "different folders"
        )
    return results


def videos_of(images: Iterable[Path]) -> list[list[Path]]:
    """Returns the frames of videos: the images of each folder, sorted by name.

    Raises:
      ValueError: there is but one image.
    """
    frames = sorted(images)
    if len(frames) == 1:
        raise ValueError(
            f"{frames[0]} is a single image, and this model predicts videos: give the "
            "folder of its frames, named in their order"
        )
    videos: dict[Path, list[Path]] = {}
    for path in frames:
        videos.setdefault(path.parent, []).append(path)
    return list(videos.values())


def _is_image_of(path: Path, output: Path) -> bool:
    """Returns whether a file is no result of an earlier run."""
    return path.is_file() and not path.resolve().is_relative_to(output.resolve())
