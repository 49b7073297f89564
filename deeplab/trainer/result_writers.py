"""Writes pictures and files of evaluated images to the folder of a run.

Prediction formats only write to local disks. For a run in an object store they write to
a temporary folder, whose files are copied when an evaluation ends.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.trainer.result_folder import result_folder
from deeplab.trainer.run_folder import RunFolder
from deeplab.visualization import Writer, build_writers


def result_writers(
    options: EvaluatorOptions, info: DatasetInfo, folder: RunFolder
) -> list[Writer]:
    """Returns the writers that the options ask for.

    Args:
      options: what to write; `override_save_dir` replaces the folder.
      info: description of the data set.
      folder: folder of the run; files are written to its `vis/`.
    """
    place = RunFolder(result_folder(options, folder.path))
    if not place.is_remote:
        return build_writers(options, info, Path(place.path))
    local = Path(tempfile.mkdtemp(prefix="deeplab-results-"))
    # A run may end during an evaluation.
    atexit.register(shutil.rmtree, local, ignore_errors=True)
    writers = build_writers(options, info, local)
    return [CopiedResults(writers, local, place)] if writers else []


class CopiedResults:
    """Passes images to writers of local files, and copies what they wrote."""

    def __init__(self, writers: Sequence[Writer], local: Path, target: RunFolder):
        """Sets up the writers; files are copied when an evaluation ends.

        Args:
          writers: write the images to `local`.
          local: folder of the writers, emptied before each evaluation.
          target: folder to copy the files to.
        """
        self._writers = writers
        self._local = local
        self._target = target

    def reset(self) -> None:
        """Removes the files of an unfinished evaluation."""
        shutil.rmtree(self._local, ignore_errors=True)
        self._local.mkdir(parents=True)
        for writer in self._writers:
            writer.reset()

    def write(self, example: Example, prediction: Prediction) -> None:
        """See `Writer`."""
        for writer in self._writers:
            writer.write(example, prediction)

    def close(self) -> None:
        """Copies the files and removes the local ones.

        Raises:
          OSError: a file cannot be copied.
        """
        for writer in self._writers:
            writer.close()
        self._target.fill_from(self._local)
        shutil.rmtree(self._local)
