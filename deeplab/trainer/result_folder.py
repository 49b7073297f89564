"""The folder for pictures and files of evaluated images."""

from __future__ import annotations

import os

from deeplab.protos.evaluator_pb2 import EvaluatorOptions


def result_folder(options: EvaluatorOptions, run_folder: str) -> str:
    """Returns `override_save_dir`, or `vis` in the folder of the run if it is unset."""
    return options.override_save_dir or os.path.join(run_folder, "vis")
