"""Readers of weight files, one module per format.

`READERS.get(name)()` is a `deeplab.weights.readers.base.Reader`. Readers do not depend
on models.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from deeplab.registry import Registry
from deeplab.weights.error import WeightsError
from deeplab.weights.readers.base import Reader

READERS: Registry[Callable[[], Reader]] = Registry(
    "weight format", __name__, ["tensorflow_checkpoint", "keras_h5"]
)


def reader_of(path: str) -> Reader:
    """Returns the reader that accepts a path.

    Raises:
      WeightsError: no reader accepts it.
    """
    readers = [READERS.get(name)() for name in READERS.names()]
    for reader in readers:
        if reader.takes(path):
            return reader
    there = os.path.exists(path)
    problem = "unknown weight format" if there else "no such checkpoint"
    forms = ", or ".join(reader.forms for reader in readers)
    raise WeightsError(f"{path}: {problem}; give {forms}")
