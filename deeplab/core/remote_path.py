"""Paths in object stores, such as gs://bucket/run, alongside local paths.

Paths stay strings, because `pathlib` would turn gs://bucket/run into gs:/bucket/run.
TensorFlow opens remote paths; it is imported on first use.
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
    """Returns a path without double or trailing slashes, and with its scheme."""
    scheme, mark, rest = os.fspath(path).rpartition(_SCHEME)
    if not mark:
        return str(Path(rest))
    # Object stores do not resolve "..".
    return f"{scheme}{mark}{posixpath.normpath(rest)}"


def beside(path: str | os.PathLike[str], name: str) -> str:
    """Returns the path of a file that another file names relative to its directory.

    Args:
      path: path of the file that contains the name.
      name: the name; an absolute path is returned as it is.
    """
    if is_remote(name):
        return name
    joined = os.path.join(os.path.dirname(os.fspath(path)), name)
    return tidy(joined) if is_remote(joined) else str(Path(joined))


def read_text(path: str | os.PathLike[str]) -> str:
    """Returns the content of a UTF-8 file, local or remote.

    Raises:
      OSError: the file cannot be read.
      UnicodeDecodeError: the file is not UTF-8 text.
    """
    if not is_remote(path):
        return Path(path).read_text(encoding="utf-8")
    import tensorflow as tf

    with as_os_errors(path), tf.io.gfile.GFile(os.fspath(path), "rb") as file:
        return file.read().decode("utf-8")


@contextlib.contextmanager
def as_os_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Converts TensorFlow's file errors into OSError.

    Args:
      path: path of the file that the block uses.

    Raises:
      OSError: an operation of TensorFlow on the file failed.
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
