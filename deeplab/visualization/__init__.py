"""Pictures and files of predictions, written with NumPy and Pillow.

`build_writers(evaluator_options, info, folder)` returns the writers to which the
evaluator passes every image. Adding a writer takes one new file and one line below.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.registry import Registry


class Writer(Protocol):
    """Receives every evaluated image."""

    def reset(self) -> None:
        """Starts an evaluation; called before its first image."""
        ...

    def write(self, example: Example, prediction: Prediction) -> None:
        """Writes one image.

        Args:
          example: NumPy arrays without batch dimension; labels (`..._raw`) as stored,
            and `image` as the input of the network.
          prediction: NumPy arrays without batch dimension, at the size of the stored
            image.
        """
        ...

    def close(self) -> None:
        """Ends an evaluation; called after its last image."""
        ...


# (evaluator options, data set, folder) -> a writer, or None if it is not enabled.
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
    """Returns the writers that the options enable.

    Args:
      options: an `EvaluatorOptions` message.
      info: description of the data set.
      folder: output folder.
    """
    builders = [WRITERS.get(name) for name in WRITERS.names()]
    writers = [builder(options, info, folder) for builder in builders]
    return [writer for writer in writers if writer is not None]
