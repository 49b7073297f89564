"""Reports and stores a batch whose loss is not finite."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab.trainer.run_folder import RunFolder


class NonFiniteLossError(ArithmeticError):
    """A loss or gradient became NaN or infinite.

    Attributes:
      step: number of the failed step, counted from 1.
      values: losses of that step, by name.
      batch: the batch of that step, by field of `Example`.
    """

    def __init__(
        self, step: int, values: Mapping[str, float], batch: Mapping[str, np.ndarray]
    ):
        """Keeps the values and the batch, to help find the cause."""
        bad = ", ".join(f"{k} {v}" for k, v in values.items() if not np.isfinite(v))
        super().__init__(f"step {step}: {bad}")
        self.step = step
        self.values = dict(values)
        self.batch = dict(batch)

    @property
    def filenames(self) -> list[str]:
        """Names of the image files of the batch."""
        return [
            name.decode() if isinstance(name, bytes) else str(name)
            for name in np.ravel(self.batch.get("image_filename", []))
        ]


def to_host(
    batch: Mapping[str, Any], strategy: tf.distribute.Strategy
) -> dict[str, np.ndarray]:
    """Returns a (distributed) batch as NumPy arrays, concatenated over replicas."""
    return {
        name: np.concatenate(
            [np.asarray(part) for part in strategy.experimental_local_results(value)]
        )
        for name, value in batch.items()
    }


def save_batch(error: NonFiniteLossError, folder: str | os.PathLike[str]) -> str:
    """Writes the batch to an `.npz` file that loads without pickle.

    Returns:
      The path of `non_finite_batch_<step>.npz` in `folder`, one array per field.
    """
    place, name = RunFolder(folder), f"non_finite_batch_{error.step}.npz"
    arrays = {k: v for k, v in error.batch.items() if k != "image_filename"}
    arrays["image_filename"] = np.array(error.filenames)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
    place.write(name, file.getvalue())
    return place.join(name)
