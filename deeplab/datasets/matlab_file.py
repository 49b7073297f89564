"""Reads Matlab files: up to version 7 with SciPy, version 7.3 (HDF5) with h5py.

Neither runs code from a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def read_mat(path: Path, *names: str) -> list[Any]:
    """Reads variables of a file up to version 7; structs become objects.

    Raises:
      ValueError: the file is not a complete Matlab file, or lacks a variable.
      FileNotFoundError: the file does not exist.
    """
    # Imported here because few data sets need it.
    from scipy.io import loadmat

    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        content = loadmat(
            path, squeeze_me=True, struct_as_record=False, variable_names=names
        )
    # A corrupt file can make SciPy raise anything.
    except Exception as error:
        raise ValueError(f"{path}: not a readable Matlab file: {error}") from error
    missing = [name for name in names if name not in content]
    if missing:
        raise ValueError(f"{path}: lacks the variables {', '.join(missing)}")
    return [content[name] for name in names]


def open_hdf5(path: Path) -> Any:
    """Opens a file of version 7.3 as an `h5py.File`; close it after use.

    Raises:
      ValueError: the file is not an HDF5 file.
      FileNotFoundError: the file does not exist.
    """
    import h5py

    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: not a readable HDF5 file: {error}") from error
