"""Where pictures and files of evaluated images go."""

from __future__ import annotations

import os

from deeplab.protos.evaluator_pb2 import EvaluatorOptions


def result_folder(options: EvaluatorOptions, run_folder: str) -> str:
    """Returns the folder that the options name, else `vis` in that of the run."""
    return options.override_save_dir or os.path.join(run_folder, "vis")
