"""What a reader of a format offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np


class StoredArray(NamedTuple):
    """An array of a file that is not read yet.

    Attributes:
      shape: its sides; empty for a single number.
      dtype: type of its numbers.
      read: reads it, while the file is open. Raises WeightsError if it is damaged.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


class Reader(ABC):
    """A format of files with weights. Reading one runs no code that it holds.

    Attributes:
      suffix: ending of the names of its files.
      forms: what may be given as path, for messages.
    """

    suffix: str
    forms: str

    @abstractmethod
    def takes(self, path: str) -> bool:
        """Returns whether a path is of this format, by name and by what is there.

        At most one reader takes a path. The file need not exist if its name tells.
        """

    @abstractmethod
    def open(self, path: str) -> AbstractContextManager[Mapping[str, StoredArray]]:
        """Opens what a path means; nothing is read but names and shapes.

        Args:
          path: one that the reader takes.

        Returns:
          A block that yields key -> array: whatever in the file consists of numbers.
          Keys have `/` between their parts, if they have parts.

        Raises:
          WeightsError: there is no such file, it is damaged, or it would take more
            memory than it can hold numbers.
        """
