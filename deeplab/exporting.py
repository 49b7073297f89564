"""Exports a checkpoint as a SavedModel, as `deeplab export` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from deeplab import factory
from deeplab.config import CONFIG_FILE, to_text
from deeplab.export.saved_model import cast_weights, export
from deeplab.plan import resolve
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.trainer.run_folder import RunFolder
from deeplab.weights.restore import load_weights


def export_checkpoint(
    config: ExperimentOptions,
    checkpoint: str,
    output: Path,
    *,
    fields: Sequence[str] = (),
    bfloat16_weights: bool = False,
    overwrite: bool = False,
) -> Path:
    """Builds the model of a config, restores a checkpoint, and exports the model.

    Args:
      config: the experiment.
      checkpoint: path of the weights; see `load_weights`.
      output: directory to write.
      fields: names of the fields to serve; see `export`.
      bfloat16_weights: whether to store and use 16-bit weights.
      overwrite: whether to replace what is in `output`.

    Returns:
      The directory of the exported model.

    Raises:
      ValueError: the checkpoint lacks a part of the model, or as in `export`.
      OSError: the directory cannot be written.
    """
    plan = resolve(config)
    model = factory.build_model(plan)
    load_weights(model, checkpoint)
    if bfloat16_weights:
        smaller = factory.build_model(plan, bfloat16_weights=True)
        cast_weights(model, smaller)
        model = smaller
    return export(
        model,
        factory.build_preprocess(plan),
        plan.info,
        output,
        fields=fields,
        config_text=to_text(config),
        overwrite=overwrite,
    )


def config_beside(checkpoint: str) -> str:
    """Returns the path of the config that training wrote along with a checkpoint.

    Args:
      checkpoint: a checkpoint in a run folder or in its `best/`, or one of these
        folders.

    Raises:
      ValueError: no config is found.
    """
    parent = os.path.dirname(checkpoint)
    for place in (checkpoint, parent, os.path.dirname(parent)):
        folder = RunFolder(place)
        if folder.exists(CONFIG_FILE):
            return folder.join(CONFIG_FILE)
    raise ValueError(f"no {CONFIG_FILE} found next to {checkpoint}; give --config_file")
