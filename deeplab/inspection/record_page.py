"""Writes a page for browsing records, with their labels drawn over the images."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.camera_record import stored_cameras
from deeplab.data.label_check import matching_files
from deeplab.data.parallel import parallel_map
from deeplab.data.shards import read_records
from deeplab.data.stored_example import StoredExample
from deeplab.data.tfexample import read_example
from deeplab.inspection.record_pictures import NumberedRecord, draw_record
from deeplab.visualization.gallery import write_gallery


def choose_records(
    patterns: Sequence[str], limit: int, info: DatasetInfo
) -> list[NumberedRecord]:
    """Returns images that are spread evenly over the files.

    Args:
      patterns: patterns of TFRecord files.
      limit: maximum number of images, at least 1.
      info: the data set; each camera of a record counts as an image.

    Raises:
      ValueError: a pattern matches no file, a record is corrupt, or there are none.
    """
    paths = matching_files(patterns)
    share, more = divmod(limit, len(paths))
    chosen: list[NumberedRecord] = []
    for index, path in enumerate(paths):
        count = share + (index < more)
        for record, example in itertools.islice(_examples(path, info), count):
            chosen.append(NumberedRecord(len(chosen), path, record, example))
    if not chosen:
        raise ValueError(f"{' '.join(patterns)}: the files have no records")
    return chosen


def write_record_page(
    records: Sequence[NumberedRecord],
    info: DatasetInfo,
    folder: Path,
    title: str,
    *,
    workers: int = 1,
    advance: Callable[[], object] = lambda: None,
) -> None:
    """Draws records, and writes `index.html` with their pictures.

    Args:
      records: the records to show.
      info: the data set.
      folder: folder of the page; created if it does not exist.
      title: heading of the page.
      workers: number of processes that draw.
      advance: called when a record is drawn.

    Raises:
      ValueError: a label is corrupt.
      OSError: an image is corrupt, or a file cannot be written.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    draw = functools.partial(draw_record, folder=folder, info=info)
    cards = []
    for card in parallel_map(draw, records, min(workers, len(records))):
        cards.append(card)
        advance()
    write_gallery(folder / "index.html", title, cards, info)


def _examples(path: str, info: DatasetInfo) -> Iterator[tuple[int, StoredExample]]:
    """Yields record number and image for every camera of every record of a file."""
    for record, data in enumerate(read_records(path)):
        try:
            for camera in stored_cameras(data, info.camera_names) or ("",):
                yield record, read_example(data, camera)
        except ValueError as error:
            raise ValueError(f"{path}: record {record}: {error}") from error
