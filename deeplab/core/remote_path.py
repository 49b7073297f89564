"""Paths of object stores, such as gs://bucket/run, beside those of local disks.

They stay text: `pathlib` would make gs:/bucket/run of it. TensorFlow opens them, and is
imported when the first one is met.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

_SCHEME = "://"


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path has a scheme, such as gs:// or ram://."""
    return _SCHEME in os.fspath(path)


def tidy(path: str | os.PathLike[str]) -> str:
    """Returns a path without double slashes and a slash at its end, its scheme kept."""
    scheme, mark, rest = os.fspath(path).rpartition(_SCHEME)
    if not mark:
        return str(Path(rest))
    # Object stores know no "..": it is resolved here.
    return f"{scheme}{mark}{posixpath.normpath(rest)}"


def beside(path: str | os.PathLike[str], name: str) -> str:
    """Returns the path of a file that another one names relative to its own folder.

    Args:
      path: the file that names it.
      name: what it says; a whole path stays as it is.
    """
    if is_remote(name):
        return name
    joined = os.path.join(os.path.dirname(os.fspath(path)), name)
    return tidy(joined) if is_remote(joined) else str(Path(joined))


def read_text(path: str | os.PathLike[str]) -> str:
    """Returns the content of a UTF-8 file, local or remote.

    Raises:
      OSError: the file cannot be read.
      UnicodeDecodeError: it is not text.
    """
    if not is_remote(path):
        return Path(path).read_text(encoding="utf-8")
    import tensorflow as tf

    with as_os_errors(path), tf.io.gfile.GFile(os.fspath(path), "rb") as file:
        return file.read().decode("utf-8")


@contextlib.contextmanager
def as_os_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns TensorFlow's errors of files into those of Python.

    Args:
      path: the file that the block is about.

    Raises:
      OSError: TensorFlow could not do something with the file.
    """
    import tensorflow as tf

    numbers = {
        tf.errors.NotFoundError: errno.ENOENT,
        tf.errors.PermissionDeniedError: errno.EACCES,
        tf.errors.ResourceExhaustedError: errno.ENOSPC,
        tf.errors.AlreadyExistsError: errno.EEXIST,
    }
    try:
        yield
    except tf.errors.OpError as error:
        name = os.fspath(path)
        reason = error.message.removeprefix(f"{name}; ")
        raise OSError(numbers.get(type(error), errno.EIO), reason, name) from error
