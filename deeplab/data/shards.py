"""Writes and reads TFRecord files: sharded, parallel, atomic, resumable.

A shard is written under a temporary name and renamed when it is whole, so that a
file with a shard's name is always a whole shard. `<split>.manifest.json` lists the
finished ones; a second run of the same conversion keeps them and writes the rest.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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

from deeplab.data.parallel import parallel_map
from deeplab.data.stored_example import StoredExample, stored_example
from deeplab.data.tfexample import encode_example
from deeplab.datasets.base import RawImage

_READ_BUFFER = 8 << 20


@dataclass(frozen=True)
class Shard:
    """One finished file of a split."""

    file: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Written:
    """What `write_shards` did: all shards in order, and how many it found done."""

    shards: tuple[Shard, ...]
    kept: int

    @property
    def records(self) -> int:
        """Records in all shards."""
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
) -> Written:
    """Writes the records of a split as `<split>-00000-of-00010.tfrecord` and so on.

    Args:
      images: what to write, in order.
      output: folder for the files; made if missing.
      split: name of the split.
      num_shards: number of files.
      workers: processes that read and encode; 1 does so in this process.
      settings: everything else that the content of the records depends on, as JSON
        values. A run resumes one with equal settings only.
      overwrite: removes the records of the split that the folder holds, instead of
        resuming.

    Raises:
      ValueError: an image is broken or does not fit its label, two images have one
        name, or the folder holds records of another conversion.
      OSError: a file cannot be read or written.
    """
    if not 1 <= num_shards <= len(images):
        raise ValueError(
            f"{num_shards} shards for {len(images)} images; choose 1 to {len(images)}"
        )
    _refuse_duplicates(images)
    output.mkdir(parents=True, exist_ok=True)
    manifest = _Manifest(output, split, {**settings, **_identity(images, num_shards)})
    if overwrite:
        manifest.remove()
    kept = manifest.finished()
    manifest.save(kept.values())
    for left_over in output.glob(f".{split}-*.tfrecord.tmp"):
        left_over.unlink()
    done = dict(kept)
    todo = {}
    for i in range(num_shards):
        name = f"{split}-{i:05d}-of-{num_shards:05d}.tfrecord"
        if name not in done:
            first, last = (len(images) * k // num_shards for k in (i, i + 1))
            todo[name] = images[first:last]
    if todo:
        with _progress(sum(len(part) for part in todo.values()), split) as report:
            for shard in _write_all(todo, output, workers, report):
                done[shard.file] = shard
                manifest.save(done.values())
    shards = tuple(sorted(done.values(), key=lambda s: s.file))
    return Written(shards, len(kept))


def read_records(path: str | Path) -> Iterator[bytes]:
    """Reads the records of a TFRecord file, checking their checksums.

    Raises:
      ValueError: the file is truncated, damaged or no TFRecord file; the message
        names the record.
      FileNotFoundError: there is no such file.
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
        foreign = ", or no TFRecord file at all" if number == 0 else ""
        raise ValueError(
            f"{path}: record {number} cannot be read: the file is truncated or damaged "
            f"there{foreign}; write it again"
        ) from error


def _refuse_duplicates(images: Sequence[RawImage]) -> None:
    count = collections.Counter(image.name for image in images)
    twice = [name for name, n in count.items() if n > 1]
    if twice:
        sources = [image.source for image in images if image.name == twice[0]]
        raise ValueError(
            f"{len(twice)} names stand for several images, such as {twice[0]!r}: "
            f"{', '.join(sources)}"
        )


def _identity(images: Sequence[RawImage], num_shards: int) -> dict[str, Any]:
    names = "\n".join(image.name for image in images)
    return {
        "images": len(images),
        "num_shards": num_shards,
        "names_sha256": hashlib.sha256(names.encode()).hexdigest(),
    }


class _Manifest:
    """The list of the finished shards of a split, on disk."""

    def __init__(self, folder: Path, split: str, settings: Mapping[str, Any]):
        self._folder, self._split = folder, split
        self._path = folder / f"{split}.manifest.json"
        self._settings = dict(settings)

    def finished(self) -> dict[str, Shard]:
        """Returns the shards that an earlier run finished, by file name.

        Raises:
          ValueError: there are shards, but not of this conversion.
        """
        if not self._path.exists():
            if self._shards():
                raise ValueError(
                    f"{self._folder} holds records of split {self._split!r} that no "
                    "manifest lists; write to another folder, or with --overwrite"
                )
            return {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            shards = [Shard(**entry) for entry in content["shards"]]
            settings = content["settings"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._path}: not a manifest ({error}); write to another folder, or "
                "with --overwrite"
            ) from error
        if shards and settings != self._settings:
            changed = sorted(
                key
                for key in settings.keys() | self._settings.keys()
                if settings.get(key) != self._settings.get(key)
            )
            raise ValueError(
                f"{self._folder} holds shards of a conversion with other settings "
                f"({', '.join(changed)}); write to another folder, or with --overwrite"
            )
        return {s.file: s for s in shards if self._is_there(s)}

    def save(self, shards: Iterable[Shard]) -> None:
        """Replaces the manifest by one that lists `shards`."""
        listed = sorted(shards, key=lambda s: s.file)
        content = {
            "settings": self._settings,
            "records": sum(s.records for s in listed),
            "complete": len(listed) == self._settings["num_shards"],
            "shards": [asdict(s) for s in listed],
        }
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self._path)

    def remove(self) -> None:
        """Removes the shards of the split, whoever wrote them, and their list."""
        for path in self._shards():
            path.unlink()
        self._path.unlink(missing_ok=True)

    def _shards(self) -> list[Path]:
        return list(self._folder.glob(f"{self._split}-?????-of-?????.tfrecord"))

    def _is_there(self, shard: Shard) -> bool:
        path = self._folder / shard.file
        return path.exists() and path.stat().st_size == shard.bytes


def _write_all(
    todo: Mapping[str, Sequence[RawImage]],
    output: Path,
    workers: int,
    report: Callable[[int], None],
) -> Iterator[Shard]:
    """Yields the shards as they are finished; `report` is told the images done."""
    images = itertools.chain.from_iterable(todo.values())
    encoded = parallel_map(stored_example, images, workers)
    done = itertools.count(1)
    with contextlib.closing(encoded):
        for name, part in todo.items():
            records = itertools.islice(encoded, len(part))
            yield _write_shard(output / name, records, lambda: report(next(done)))


def _write_shard(
    path: Path, examples: Iterable[StoredExample], report: Callable[[], None]
) -> Shard:
    """Writes one shard; calls `report` after each record."""
    temporary = path.with_name(f".{path.name}.tmp")
    records = 0
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for example in examples:
                writer.write(_serialized(example))
                records += 1
                report()
        size, digest = temporary.stat().st_size, _hash(temporary)
        temporary.replace(path)
    except tf.errors.OpError as error:
        raise OSError(
            f"{path}: cannot be written: {error.message}; finished shards are kept, "
            "run again when there is room"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Shard(path.name, records, size, digest)


def _serialized(example: StoredExample) -> bytes:
    fields = example._asdict()
    # What is encoded here has the formats that are written here.
    del fields["label_format"], fields["depth_format"]
    return encode_example(**fields)


def _hash(path: Path) -> str:
    with path.open("rb") as f:
        digest = hashlib.sha256()
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class _Rate(ProgressColumn):
    """Images per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")


@contextlib.contextmanager
def _progress(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """Shows a bar with rate and remaining time; yields the function that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
