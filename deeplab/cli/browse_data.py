"""`deeplab browse-data`: a page of records with their labels drawn over them."""

from __future__ import annotations

import argparse
import functools
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deeplab.cli.data_source import add_source_arguments, data_sources

if TYPE_CHECKING:
    import numpy as np

    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.data.stored_example import StoredExample
    from deeplab.visualization.gallery import Card

HELP = "write a page of images and labels to look through"

_WIDTH = 720
_CLASSES_NAMED = 8


class _Place(NamedTuple):
    """A record that the page shows."""

    number: int
    path: str
    record: int
    example: StoredExample


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_source_arguments(parser, "show")
    parser.add_argument("--output", required=True, help="folder of the page")
    parser.add_argument(
        "--limit",
        type=int,
        default=200,
        help="images to show, spread evenly over the records (200)",
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Writes `index.html` for each data set.

    Raises:
      ValueError: the records or their data set are not given as they should be.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if args.limit < 1:
        raise ValueError(f"--limit {args.limit}: show at least one image")
    sources = data_sources(args)
    for source in sources:
        folder = Path(args.output)
        if len(sources) > 1:
            folder /= source.title
        title = f"{source.title} as {source.info.name}"
        shown = browse(source.patterns, source.info, folder, title, args)
        print(f"{shown} images: {folder / 'index.html'}")
    return 0


def browse(
    patterns: list[str],
    info: DatasetInfo,
    folder: Path,
    title: str,
    args: argparse.Namespace,
) -> int:
    """Draws the records and writes the page; returns the number of images."""
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.data.parallel import parallel_map
    from deeplab.visualization.gallery import write_gallery

    places = _places(patterns, args.limit, info)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    draw = functools.partial(_draw, folder=folder, info=info)
    cards = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("drawing", total=len(places))
        for card in parallel_map(draw, places, min(args.workers, len(places))):
            cards.append(card)
            bar.advance(task)
    write_gallery(folder / "index.html", title, cards, info)
    return len(cards)


def _places(patterns: list[str], limit: int, info: DatasetInfo) -> list[_Place]:
    """Returns images that are spread evenly over the files."""
    import itertools

    from deeplab.data.label_check import matching_files

    paths = matching_files(patterns)
    share, more = divmod(limit, len(paths))
    places = []
    for index, path in enumerate(paths):
        count = share + (index < more)
        for record, example in itertools.islice(_examples(path, info), count):
            places.append(_Place(len(places), path, record, example))
    if not places:
        raise ValueError(f"{' '.join(patterns)}: the files hold no records")
    return places


def _examples(path: str, info: DatasetInfo) -> Iterator[tuple[int, StoredExample]]:
    """Yields the images of a file with the numbers of their records, of all cameras."""
    from deeplab.data.camera_record import stored_cameras
    from deeplab.data.shards import read_records
    from deeplab.data.tfexample import read_example

    for record, data in enumerate(read_records(path)):
        try:
            for camera in stored_cameras(data, info.camera_names) or ("",):
                yield record, read_example(data, camera)
        except ValueError as error:
            raise ValueError(f"{path}: record {record}: {error}") from error


def _draw(place: _Place, folder: Path, info: DatasetInfo) -> Card:
    """Writes the two pictures of a record; runs in a worker."""
    import numpy as np
    from PIL import Image

    from deeplab.data.encoded_label import decode_label
    from deeplab.visualization.gallery import Card
    from deeplab.visualization.overlay import panoptic_overlay

    example = place.example
    where = f"{Path(place.path).name}, record {place.record}"
    with Image.open(io.BytesIO(example.image)) as opened:
        image = np.asarray(opened.convert("RGB"))
    overlay, text, class_ids = image, "no label", ()
    if example.label is not None:
        try:
            label = decode_label(
                example.label,
                example.label_format,
                example.height,
                example.width,
                info.label_space,
            )
            overlay = panoptic_overlay(image, label, info)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        found = np.unique(info.label_space.class_of(label)).tolist()
        class_ids = tuple(c for c in found if c in info.by_id)
        text = _text(label, info)
    names = {}
    for kind, picture in (("image", image), ("labels", overlay)):
        names[kind] = f"images/{place.number:06d}_{kind}.jpg"
        _write_jpeg(folder / names[kind], picture)
    name = example.filename or "unnamed"
    return Card(name, where, names["image"], names["labels"], class_ids, text)


def _text(label: np.ndarray, info: DatasetInfo) -> str:
    """Returns the largest classes, with their instances, and the share of void."""
    from deeplab.visualization.segments import find_segments

    area: dict[int, int] = {}
    instances: dict[int, int] = {}
    for segment in find_segments(label, info):
        area[segment.class_id] = area.get(segment.class_id, 0) + segment.area
        if segment.instance:
            instances[segment.class_id] = instances.get(segment.class_id, 0) + 1
    order = sorted(area, key=lambda class_id: -area[class_id])
    parts = [
        f"{info.by_id[c].name if c in info.by_id else f'class {c}'}"
        + (f" ({instances[c]})" if c in instances else "")
        for c in order[:_CLASSES_NAMED]
    ]
    if len(order) > _CLASSES_NAMED:
        parts.append(f"{len(order) - _CLASSES_NAMED} more")
    void = 1 - sum(area.values()) / label.size
    return f"{', '.join(parts)}; void {void:.0%}"


def _write_jpeg(path: Path, picture: np.ndarray) -> None:
    from PIL import Image

    from deeplab.core.atomic_file import atomic_file

    image = Image.fromarray(picture)
    image.thumbnail((_WIDTH, _WIDTH), Image.Resampling.LANCZOS)
    with atomic_file(path) as file:
        image.save(file, "JPEG", quality=88)
