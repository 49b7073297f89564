"""Readers of files with weights: one file per format.

`READERS.get(name)()` is a `deeplab.weights.readers.base.Reader`. Readers know files,
nothing of models.
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
    """Returns the reader that takes a path.

    Raises:
      WeightsError: none does.
    """
    readers = [READERS.get(name)() for name in READERS.names()]
    for reader in readers:
        if reader.takes(path):
            return reader
    there = os.path.exists(path)
    problem = "no format of weights that is known" if there else "no such checkpoint"
    forms = ", or ".join(reader.forms for reader in readers)
    raise WeightsError(f"{path}: {problem}; give {forms}")
