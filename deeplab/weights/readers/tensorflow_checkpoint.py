"""Checkpoints of TensorFlow 2, whose keys are object paths, and of TensorFlow 1.

TensorFlow 2 appends a suffix to each key, which is removed here. A checkpoint consists
of an `.index` file and data files, and is published as an archive.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab.core.remote_path import as_os_errors, is_remote
from deeplab.weights.checkpoint_keys import SUFFIX
from deeplab.weights.error import WeightsError
from deeplab.weights.readers import READERS
from deeplab.weights.readers.base import Reader, StoredArray

# Exceptions that TensorFlow raises for damaged files.
UNREADABLE = (tf.errors.OpError, IndexError, RuntimeError)

_FORMS = "a checkpoint's prefix, its .index file, its folder, or a .tar.gz of it"
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_INDEX = ".index"
# Exceptions from reading a damaged archive, whatever its compression.
_BROKEN_ARCHIVE = (
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
)


def read_checkpoint(prefix: str) -> Any:
    """Returns TensorFlow's reader of the checkpoint with a given prefix.

    `tf.train.load_checkpoint` also accepts folders, and some object stores report a
    prefix as a folder.

    Raises:
      OpError, IndexError, RuntimeError: the checkpoint is damaged; see `UNREADABLE`.
    """
    return tf.compat.v1.train.NewCheckpointReader(prefix)


@READERS.register("tensorflow_checkpoint")
class TensorFlowCheckpoint(Reader):
    """Reads a checkpoint given by its prefix, `.index` file, folder or archive."""

    suffix = _INDEX
    forms = _FORMS

    def takes(self, path: str) -> bool:
        """Returns whether a path is an archive, an index file, a folder or a prefix."""
        return (
            path.endswith((*_ARCHIVES, _INDEX))
            or tf.io.gfile.isdir(path)
            or tf.io.gfile.exists(path + _INDEX)
        )

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[Mapping[str, StoredArray]]:
        """Opens a checkpoint; an archive stays unpacked while the block runs."""
        with _prefix(path) as prefix:
            try:
                reader = read_checkpoint(prefix)
                shapes = reader.get_variable_to_shape_map()
                types = reader.get_variable_to_dtype_map()
            except UNREADABLE as error:
                raise _damaged(path, error) from error
            yield {
                key.removesuffix(SUFFIX): _stored(path, reader, key, shape, types[key])
                for key, shape in shapes.items()
                if types[key].is_floating or types[key].is_integer
            }


def _stored(
    path: str, reader: Any, key: str, shape: list[int], dtype: tf.DType
) -> StoredArray:
    def read() -> np.ndarray:
        try:
            return reader.get_tensor(key)
        except UNREADABLE as error:
            raise _damaged(path, error) from error

    return StoredArray(tuple(shape), np.dtype(dtype.as_numpy_dtype), read)


def _damaged(path: str, error: Exception) -> WeightsError:
    return WeightsError(
        f"{path}: cannot read the checkpoint: {error}; it is damaged or incomplete: "
        "copy it again with all its files"
    )


@contextlib.contextmanager
def _prefix(path: str) -> Iterator[str]:
    """Yields the prefix of the checkpoint that a path refers to."""
    if path.endswith(_ARCHIVES):
        with tempfile.TemporaryDirectory() as folder:
            _extract(path, folder)
            yield _single_prefix(folder, path)
    elif path.endswith(_INDEX):
        yield _existing(path.removesuffix(_INDEX))
    elif tf.io.gfile.isdir(path) and not tf.io.gfile.exists(path + _INDEX):
        newest = tf.train.latest_checkpoint(path)
        yield newest or _single_prefix(path, path)
    else:
        yield path


def _existing(prefix: str) -> str:
    if not tf.io.gfile.exists(prefix + _INDEX):
        raise WeightsError(f"{prefix}: no such checkpoint; give {_FORMS}")
    return prefix


def _extract(archive: str, folder: str) -> None:
    try:
        with _opened(archive) as file, tarfile.open(fileobj=file) as tar:
            # The filter refuses paths and links out of the folder, and device files.
            tar.extractall(folder, filter="data")
    except _BROKEN_ARCHIVE as error:
        raise WeightsError(
            f"{archive}: cannot unpack: {error}; fetch the archive again"
        ) from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """Opens a file for reading, through TensorFlow if it is remote."""
    if is_remote(path):
        with as_os_errors(path), tf.io.gfile.GFile(path, "rb") as file:
            yield file
    else:
        with open(path, "rb") as file:
            yield file


def _single_prefix(folder: str, path: str) -> str:
    found = sorted(
        os.path.join(root, name)
        for root, _, names in tf.io.gfile.walk(folder)
        for name in names
        if name.endswith(_INDEX)
    )
    if len(found) != 1:
        names = ", ".join(os.path.basename(p) for p in found[:5])
        raise WeightsError(
            f"{path}: expected one checkpoint inside, found {len(found)}"
            + (f" ({names})" if found else "")
            + "; give the prefix of the checkpoint"
        )
    return found[0].removesuffix(_INDEX)
