"""The interface of readers of weight files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np


class StoredArray(NamedTuple):
    """An array in a file that has not been read yet.

    Attributes:
      shape: shape of the array; empty for a scalar.
      dtype: dtype of the array.
      read: reads the array while the file is open. Raises WeightsError if the file is
        damaged.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


class Reader(ABC):
    """Reads one format of weight files, without running any code from the file.

    Attributes:
      suffix: ending of the names of its files.
      forms: kinds of path that the reader accepts, for messages.
    """

    suffix: str
    forms: str

    @abstractmethod
    def takes(self, path: str) -> bool:
        """Returns whether a path has this format, judged by its name and by the disk.

        At most one reader accepts a path. The file need not exist if the name decides.
        """

    @abstractmethod
    def open(self, path: str) -> AbstractContextManager[Mapping[str, StoredArray]]:
        """Opens a file; only names and shapes are read.

        Args:
          path: a path that the reader accepts.

        Returns:
          A context manager that yields key -> array for all numeric arrays in the
          file. `/` separates the components of a key.

        Raises:
          WeightsError: the file does not exist, is damaged, or claims arrays larger
            than its content.
        """
