"""Writes and reads TFRecord files: sharded, parallel, atomic, resumable.

A file with a shard's name is always a complete shard (`shard_file`). `manifest` lists
the finished ones; a second run of the same conversion keeps them and writes the rest.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import tensorflow as tf
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from deeplab.data.manifest import Manifest
from deeplab.data.parallel import parallel_map
from deeplab.data.shard_file import Shard, write_shard
from deeplab.data.stored_example import stored_example
from deeplab.datasets.base import RawImage

# Writes shards, given as path -> images, and yields them when they are finished.
Runner: TypeAlias = Callable[[Mapping[Path, Sequence[RawImage]]], Iterable[Shard]]

_READ_BUFFER = 8 << 20


@dataclass(frozen=True)
class Written:
    """Result of `write_shards`: all shards in order, and how many already existed."""

    shards: tuple[Shard, ...]
    kept: int

    @property
    def records(self) -> int:
        """Number of records in all shards."""
        return sum(s.records for s in self.shards)


def write_shards(
    images: Sequence[RawImage],
    output: Path,
    *,
    split: str,
    num_shards: int,
    workers: int,
    settings: Mapping[str, Any],
    overwrite: bool = False,
    runner: Runner | None = None,
) -> Written:
    """Writes the records of a split as `<split>-00000-of-00010.tfrecord` and so on.

    Args:
      images: the images to write, in order.
      output: folder for the files; created if it does not exist.
      split: name of the split.
      num_shards: number of files.
      workers: number of processes that read and encode; with 1, this process does.
      settings: everything else that the content of the records depends on, as JSON
        values. A run resumes an earlier one only if the settings are equal.
      overwrite: removes existing records of the split instead of resuming.
      runner: writes the shards instead of the `workers`; for example a
        `beam_runner.BeamRunner`.

    Returns:
      All shards, and how many of them already existed.

    Raises:
      ValueError: an image is corrupt or does not match its label, two images have the
        same name, or the folder has records of another conversion.
      OSError: a file cannot be read or written.
    """
    if not 1 <= num_shards <= len(images):
        raise ValueError(
            f"{num_shards} shards for {len(images)} images; choose 1 to {len(images)}"
        )
    _refuse_duplicates(images)
    output.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(output, split, {**settings, **_identity(images, num_shards)})
    if overwrite:
        manifest.remove()
    kept = manifest.finished()
    manifest.save(kept.values())
    for left_over in output.glob(f".{split}-*.tfrecord.*.tmp"):
        left_over.unlink()
    done = dict(kept)
    todo = {}
    for i in range(num_shards):
        name = f"{split}-{i:05d}-of-{num_shards:05d}.tfrecord"
        if name not in done:
            first, last = (len(images) * k // num_shards for k in (i, i + 1))
            todo[output / name] = images[first:last]
    if todo:
        write = runner or functools.partial(_write_here, workers=workers, title=split)
        for shard in write(todo):
            done[shard.file] = shard
            manifest.save(done.values())
    shards = tuple(sorted(done.values(), key=lambda s: s.file))
    return Written(shards, len(kept))


def read_records(path: str | Path) -> Iterator[bytes]:
    """Reads the records of a TFRecord file and verifies their checksums.

    Raises:
      ValueError: the file is truncated or corrupt, or is not a TFRecord file; the
        message names the record.
      FileNotFoundError: the file does not exist.
    """
    if not tf.io.gfile.exists(str(path)):
        raise FileNotFoundError(f"{path}: no such file")
    number = 0
    try:
        dataset = tf.data.TFRecordDataset(str(path), buffer_size=_READ_BUFFER)
        for record in dataset:
            yield bytes(record.numpy())
            number += 1
    except tf.errors.DataLossError as error:
        foreign = ", or is not a TFRecord file" if number == 0 else ""
        raise ValueError(
            f"{path}: record {number} cannot be read: the file is truncated or corrupt "
            f"there{foreign}; write it again"
        ) from error


def _refuse_duplicates(images: Sequence[RawImage]) -> None:
    count = collections.Counter(image.name for image in images)
    twice = [name for name, n in count.items() if n > 1]
    if twice:
        sources = [image.source for image in images if image.name == twice[0]]
        raise ValueError(
            f"{len(twice)} names belong to several images, such as {twice[0]!r}: "
            f"{', '.join(sources)}"
        )


def _identity(images: Sequence[RawImage], num_shards: int) -> dict[str, Any]:
    names = "\n".join(image.name for image in images)
    return {
        "images": len(images),
        "num_shards": num_shards,
        "names_sha256": hashlib.sha256(names.encode()).hexdigest(),
    }


def _write_here(
    todo: Mapping[Path, Sequence[RawImage]], *, workers: int, title: str
) -> Iterator[Shard]:
    """Writes shards one after another; workers read and encode their images."""
    images = itertools.chain.from_iterable(todo.values())
    encoded = parallel_map(stored_example, images, workers)
    total = sum(len(part) for part in todo.values())
    with contextlib.closing(encoded), _progress(total, title) as report:
        for path, part in todo.items():
            yield write_shard(path, itertools.islice(encoded, len(part)), report)


class _Rate(ProgressColumn):
    """Images per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")


@contextlib.contextmanager
def _progress(total: int, title: str) -> Iterator[Callable[[], None]]:
    """Shows a progress bar; yields the function that advances it by one image."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
