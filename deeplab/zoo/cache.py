"""Cache of published checkpoints: each is downloaded once and verified on every use.

The cache folder has the archives as published, and `sha256.json`, which pins the digest
of each archive at its first download. A digest in the table takes precedence.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from deeplab.core.digest import sha256
from deeplab.zoo.download import SCHEMES, Progress, download
from deeplab.zoo.table import Entry, ZooError

CACHE_VARIABLE = "DEEPLAB_CACHE"
SOURCE_VARIABLE = "DEEPLAB_ZOO_SOURCE"
PINS = "sha256.json"


def cache_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Returns the given folder, or else `DEEPLAB_CACHE`, or `~/.cache/deeplab`."""
    chosen = given or os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache/deeplab"


def address(entry: Entry, source: str | None = None) -> str:
    """Returns the address that an archive is downloaded from.

    Args:
      entry: the checkpoint.
      source: address or folder of a copy of the published files. If None,
        `DEEPLAB_ZOO_SOURCE` is used, or else the published address.
    """
    chosen = source or os.environ.get(SOURCE_VARIABLE)
    if not chosen:
        return entry.url
    if chosen.partition("://")[0] not in SCHEMES:
        chosen = Path(chosen).expanduser().resolve().as_uri()
    return f"{chosen.rstrip('/')}/{entry.file}"


def fetch(
    entry: Entry,
    *,
    cache: str | os.PathLike[str] | None = None,
    source: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Returns the archive of a checkpoint, and downloads it if it is not cached.

    Its SHA-256 is compared with the pinned one each time. Processes that fetch the
    same checkpoint wait for each other.

    Args:
      entry: the checkpoint.
      cache: see `cache_folder`.
      source: see `address`.
      progress: see `download`.

    Raises:
      ZooError: it cannot be downloaded, or its digest differs from the pinned one.
      OSError: the cache cannot be written.
    """
    folder = cache_folder(cache)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / entry.file
    with _locked(folder / f".{entry.name}.lock"):
        there = path.exists()
        if not there:
            arriving = path.with_name(f"{path.name}.unchecked")
            if not arriving.exists():
                download(address(entry, source), arriving, progress=progress)
            _check(entry, arriving, folder, source)
            arriving.replace(path)
        else:
            _check(entry, path, folder, source)
    return path


def pinned(entry: Entry, folder: Path) -> str:
    """Returns the expected digest of an archive; empty if unknown.

    Raises:
      ZooError: the file of pinned digests is corrupt.
    """
    return entry.sha256 or _read_pins(folder).get(entry.name, "")


def _check(entry: Entry, path: Path, folder: Path, source: str | None) -> None:
    """Pins the digest of an archive, or compares it with the pinned one."""
    found, wanted = sha256(path), pinned(entry, folder)
    if not wanted:
        _pin(folder, entry.name, found)
    elif found != wanted:
        arrived = path.name != entry.file
        if arrived:
            path.unlink()
        origin = address(entry, source) if arrived else str(path)
        advice = (
            "nothing was kept"
            if arrived
            else "it is corrupt or was replaced: delete it and download it again"
        )
        if not entry.sha256:
            advice += (
                f"; if the new one is correct, remove {entry.name!r} from "
                f"{folder / PINS}"
            )
        raise ZooError(
            f"{origin}: SHA-256 {found} instead of the pinned {wanted}; {advice}"
        )


def _pin(folder: Path, name: str, digest: str) -> None:
    with _locked(folder / f".{PINS}.lock"):
        pins = {**_read_pins(folder), name: digest}
        temporary = folder / f".{PINS}.{os.getpid()}.tmp"
        text = json.dumps(dict(sorted(pins.items())), indent=1) + "\n"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / PINS)


def _read_pins(folder: Path) -> dict[str, str]:
    path = folder / PINS
    try:
        pins = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ZooError(
            f"{path}: not a list of digests ({error}); restore it, or delete it to "
            "trust the archives next to it"
        ) from error
    if not isinstance(pins, dict):
        raise ZooError(f"{path}: not a list of digests: not a JSON object")
    return pins


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Locks the block for one process at a time, if the system supports it."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
