"""Writes one shard: a TFRecord file that gets its name only once it is complete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import tensorflow as tf

from deeplab.core.atomic_file import atomic_file
from deeplab.core.digest import sha256
from deeplab.data.camera_record import join_cameras
from deeplab.data.stored_example import StoredExample, stored_example
from deeplab.data.tfexample import encode_example
from deeplab.datasets.base import RawImage


@dataclass(frozen=True)
class Shard:
    """One finished file of a split."""

    file: str
    records: int
    bytes: int
    sha256: str


def write_shard(
    path: Path,
    examples: Iterable[StoredExample],
    report: Callable[[], None] = lambda: None,
) -> Shard:
    """Writes one shard under a temporary name and renames it when it is complete.

    Args:
      path: the file to write.
      examples: its records, in order.
      report: called after each record.

    Raises:
      OSError: the file cannot be written.
    """
    # Two machines that get the same shard must not write to the same file.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    records = 0
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for example in examples:
                writer.write(_serialized(example))
                records += 1
                report()
        size, digest = temporary.stat().st_size, sha256(temporary)
        temporary.replace(path)
    except tf.errors.OpError as error:
        raise OSError(
            f"{path}: cannot be written: {error.message}; finished shards are kept: "
            "run the command again when there is space"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Shard(path.name, records, size, digest)


def write_noted_shard(path: str, images: Sequence[RawImage]) -> None:
    """Reads, encodes and writes one shard, and a note of it for the manifest.

    Args:
      path: the file to write; the note is next to it.
      images: the images to write, in order.

    Raises:
      ValueError: an image is corrupt or does not match its label.
      OSError: a file cannot be read or written.
    """
    shard = write_shard(Path(path), map(stored_example, images))
    with atomic_file(note_path(Path(path))) as note:
        note.write(json.dumps(asdict(shard)).encode())


def note_path(shard: Path) -> Path:
    """Returns the path of the note of a finished shard."""
    return shard.with_name(f".{shard.name}.json")


def read_note(path: Path) -> Shard:
    """Returns the shard that a note describes.

    Raises:
      ValueError: the file is not such a note.
    """
    try:
        return Shard(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not the note of a shard ({error})") from error


def _serialized(example: StoredExample) -> bytes:
    if example.others:
        cameras = (example._replace(others=()), *example.others)
        return join_cameras({one.camera: _serialized(one) for one in cameras})
    fields = example._asdict()
    # `encode_example` sets the formats that are written here.
    del fields["label_format"], fields["depth_format"]
    del fields["camera"], fields["others"]
    return encode_example(**fields)
