"""Weights that Keras 2 saved as HDF5, by `save_weights` or by `save` (whole model).

The keys are the paths of the HDF5 datasets; in a whole model, the paths below
`model_weights`. The optimizer and the model description, which may contain code, are
not read. No link or reference is followed, and the size of each array is checked
against its size in the file before memory is allocated.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from deeplab.weights.error import WeightsError
from deeplab.weights.readers import READERS
from deeplab.weights.readers.base import Reader, StoredArray

_SUFFIXES = (".h5", ".hdf5")
_WHOLE_MODEL = "model_weights"
# Exceptions that h5py raises for damaged files, depending on the damage.
_UNREADABLE = (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError)
# Compiled modules, whose contents type checkers do not see.
_LOW_LEVEL: Any = h5py
_MAX_DEPTH = 64
# Largest compression ratio of Deflate.
_MAX_RATIO = 1032
# Deflate, and the filters that do not change the size: shuffle and checksum.
_FILTERS = frozenset(
    {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
)


@READERS.register("keras_h5")
class KerasH5(Reader):
    """Reads `.h5` and `.hdf5` files."""

    suffix = ".h5"
    forms = "an .h5 or .hdf5 file with the weights of a Keras model"

    def takes(self, path: str) -> bool:
        """Returns whether a path has an HDF5 suffix and is not a directory."""
        return path.lower().endswith(_SUFFIXES) and not os.path.isdir(path)

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[Mapping[str, StoredArray]]:
        """Opens a file; its arrays are checked but not read."""
        if not os.path.exists(path):
            raise WeightsError(f"{path}: no such file; give {self.forms}")
        with contextlib.ExitStack() as stack:
            with _damage_named(path):
                file = stack.enter_context(h5py.File(path, "r"))
                arrays = {
                    key: _stored(path, key, dataset)
                    for key, dataset in _datasets(path, file)
                    if dataset.dtype.kind in "fiu"
                }
            yield arrays


@contextlib.contextmanager
def _damage_named(path: str) -> Iterator[None]:
    try:
        yield
    except WeightsError:
        raise
    except _UNREADABLE as error:
        raise WeightsError(
            f"{path}: not a readable HDF5 file: {error}; it is damaged or of another "
            "format: get it again"
        ) from error


def _datasets(path: str, file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields the HDF5 datasets by their paths below the weights."""
    root = _child(path, file, _WHOLE_MODEL) if _WHOLE_MODEL in list(file) else file
    groups = [("", root if isinstance(root, h5py.Group) else file)]
    seen = {_address(groups[0][1])}
    while groups:
        start, group = groups.pop()
        for name in map(str, group):
            key, child = f"{start}{name}", _child(path, group, name)
            if isinstance(child, h5py.Dataset):
                yield key, child
            elif isinstance(child, h5py.Group):
                if _address(child) in seen or key.count("/") >= _MAX_DEPTH:
                    raise _refused(path, key, "a group that is cyclic or too deep")
                seen.add(_address(child))
                groups.append((f"{key}/", child))


def _child(
    path: str, parent: h5py.Group, name: str
) -> h5py.Group | h5py.Dataset | h5py.Datatype:
    # Inspect the link itself; looking up its target would follow it.
    link = parent.id.links.get_info(name.encode("utf-8", "surrogateescape"))
    if link.type != _LOW_LEVEL.h5l.TYPE_HARD:
        raise _refused(path, name, "a soft or external link, which is not followed")
    return parent[name]


def _address(group: h5py.Group) -> int:
    return _LOW_LEVEL.h5o.get_info(group.id).addr


def _stored(path: str, key: str, dataset: h5py.Dataset) -> StoredArray:
    _check_storage(path, key, dataset)

    def read() -> np.ndarray:
        with _damage_named(path):
            # The file has its own byte order; TensorFlow needs the native one.
            return dataset.astype(dataset.dtype.newbyteorder("="))[()]

    return StoredArray(tuple(dataset.shape or ()), dataset.dtype, read)


def _check_storage(path: str, key: str, dataset: h5py.Dataset) -> None:
    """Refuses arrays that are stored elsewhere or claim more than the file contains."""
    if dataset.external or dataset.is_virtual:
        raise _refused(path, key, "an array whose values are in other files")
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    if not filters <= _FILTERS:
        raise _refused(path, key, "an array with a filter other than Deflate")
    ratio = _MAX_RATIO if h5py.h5z.FILTER_DEFLATE in filters else 1
    there = min(dataset.id.get_storage_size(), os.path.getsize(path))
    # Chunks are decompressed as a whole, even those that exceed the array.
    shapes = [dataset.shape or (0,)]
    if filters and dataset.chunks:
        shapes.append(dataset.chunks)
    claimed = max(math.prod(map(int, shape)) for shape in shapes)
    if claimed * dataset.dtype.itemsize > ratio * there:
        raise _refused(
            path, key, f"an array that claims {claimed} values but has {there} bytes"
        )


def _refused(path: str, key: str, what: str) -> WeightsError:
    return WeightsError(
        f"{path}: {key} is {what}; Keras does not write such files: get the file from "
        "another source, or save the weights again"
    )
