"""Resumable downloads.

The data received so far is in `<file>.part` until it is complete. `<file>.part.json`
next to it records the version of the file, so that parts of two versions are never
joined.
"""

from __future__ import annotations

import errno
import http.client
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

from deeplab.zoo.table import ZooError

SCHEMES = ("file", "http", "https")
# Called with the number of bytes received, and of bytes in total if known.
Progress = Callable[[int, int | None], None]

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 60.0
_UNSATISFIABLE = 416
_PARTIAL = 206
# Temporary errors: the server is busy or restarting.
_TEMPORARY = (408, 429, 500, 502, 503, 504)


def download(
    url: str,
    target: Path,
    *,
    progress: Progress | None = None,
    attempts: int = 3,
    pause_seconds: float = 2.0,
) -> None:
    """Downloads a file, or resumes an earlier download.

    Args:
      url: an http, https or file address.
      target: the file to write; it appears once it is complete.
      progress: called with the progress of the download.
      attempts: number of attempts if the connection breaks.
      pause_seconds: pause before the second attempt; doubled before each further one.

    Raises:
      ZooError: the address is wrong, the server does not have the file or does not
        answer, or the connection broke in every attempt. Received data is kept.
      OSError: the file cannot be written.
    """
    if urllib.parse.urlsplit(url).scheme not in SCHEMES:
        raise ZooError(f"{url}: the address has to start with {', '.join(SCHEMES)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target)
    failure: Exception | None = None
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause_seconds * 2 ** (attempt - 1))
        try:
            _attempt(url, part, progress)
            part.finish(target)
            return
        except _BrokenError as error:
            failure = error
    raise ZooError(
        f"{url}: {failure}; {part.size()} bytes are kept: run the same command again "
        "to resume"
    )


class _BrokenError(Exception):
    """A broken connection, for which another attempt may succeed."""


class _Part:
    """The received part of a file, and its version."""

    def __init__(self, target: Path):
        self.path = target.with_name(target.name + ".part")
        self._note = target.with_name(target.name + ".part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str:
        """Returns the version of the part, empty if there is nothing to resume."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        return note["version"] if note.get("url") == url and self.size() else ""

    def begin(self, url: str, version: str) -> None:
        """Starts an empty part of the given version."""
        self.path.write_bytes(b"")
        note = json.dumps({"url": url, "version": version})
        self._note.write_text(note, encoding="utf-8")

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        self.path.replace(target)
        self._note.unlink(missing_ok=True)


def _attempt(url: str, part: _Part, progress: Progress | None) -> None:
    try:
        with _open(url, part) as response:
            start, total = _place(url, response, part)
            _check_space(part.path, start, total)
            _receive(response, part.path, start, total, progress)
    except urllib.error.HTTPError as error:
        if error.code == _UNSATISFIABLE:
            # The part is longer than the file, so it is of another version.
            part.drop()
            raise _BrokenError("the server has a shorter file now") from error
        if error.code in _TEMPORARY:
            raise _BrokenError(
                f"the server answers {error.code} {error.reason}"
            ) from error
        raise ZooError(
            f"{url}: the server answers {error.code} {error.reason}; choose another "
            "copy with --source or DEEPLAB_ZOO_SOURCE"
        ) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, FileNotFoundError) or url.startswith("file:"):
            raise ZooError(f"{url}: no such file") from error
        raise _BrokenError(f"no connection ({error.reason})") from error
    except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise _BrokenError(f"the connection broke ({type(error).__name__})") from error


def _open(url: str, part: _Part) -> Any:
    # The scheme has been checked.
    request = urllib.request.Request(url)  # noqa: S310
    version = part.version(url)
    if version:
        request.add_header("Range", f"bytes={part.size()}-")
        request.add_header("If-Range", version)
    return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310


def _place(url: str, response: Any, part: _Part) -> tuple[int, int | None]:
    """Returns the offset of the first byte sent, and the size of the file."""
    headers: Message = response.headers
    length = headers.get("Content-Length")
    if response.status == _PARTIAL:
        # "bytes FIRST-LAST/SIZE"
        span, _, size = headers.get("Content-Range", "").partition("/")
        first = span.removeprefix("bytes ").partition("-")[0]
        if first == str(part.size()) and size.isdigit():
            return int(first), int(size)
        part.drop()
        raise _BrokenError("the server did not send the requested part")
    # A weak ETag does not guarantee equal bytes.
    tag = headers.get("ETag", "")
    strong = "" if tag.startswith("W/") else tag
    part.begin(url, strong or headers.get("Last-Modified", ""))
    return 0, int(length) if length else None


def _check_space(path: Path, start: int, total: int | None) -> None:
    free = shutil.disk_usage(path.parent).free
    if total is not None and total - start > free:
        raise OSError(
            errno.ENOSPC,
            f"{(total - start) / 2**20:.0f} MiB are needed, but only "
            f"{free / 2**20:.0f} MiB are free; choose another folder with --cache or "
            "DEEPLAB_CACHE",
            str(path.parent),
        )


def _receive(
    response: Any,
    path: Path,
    start: int,
    total: int | None,
    progress: Progress | None,
) -> None:
    done = start
    with path.open("ab") as file:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    if total is not None and done != total:
        raise _BrokenError(f"the connection ended after {done} of {total} bytes")
