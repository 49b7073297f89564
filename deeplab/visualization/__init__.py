"""Pictures and files of predictions, with NumPy and Pillow.

`build_writers(evaluator_options, info, folder)` returns what the evaluator hands every
image to. Adding a writer is one new file and one line below.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.registry import Registry


class Writer(Protocol):
    """Takes every evaluated image."""

    def reset(self) -> None:
        """Called before the first image of an evaluation."""
        ...

    def write(self, example: Example, prediction: Prediction) -> None:
        """Takes one image.

        Args:
          example: NumPy arrays without batch dimension; labels (`..._raw`) as they
            were stored, `image` as the network saw it.
          prediction: the same, at the size of the stored image.
        """
        ...

    def close(self) -> None:
        """Called after the last image of an evaluation."""
        ...


# (evaluator options, data set, folder) -> a writer, or None if they ask for none.
WRITERS: Registry[Callable[[EvaluatorOptions, DatasetInfo, Path], Writer | None]] = (
    Registry(
        "writer",
        __name__,
        [
            "pictures",
            "raw_predictions",
        ],
    )
)


def build_writers(
    options: EvaluatorOptions, info: DatasetInfo, folder: Path
) -> list[Writer]:
    """Returns the writers that `EvaluatorOptions` ask for.

    Args:
      options: an `EvaluatorOptions` message.
      info: the data set.
      folder: where files go.
    """
    builders = [WRITERS.get(name) for name in WRITERS.names()]
    writers = [builder(options, info, folder) for builder in builders]
    return [writer for writer in writers if writer is not None]
