"""Saves and restores the checkpoints of a run: the newest few and the best one.

A checkpoint `ckpt-<step>` has the layout of DeepLab2: one item per entry of the
model's `checkpoint_items`, plus `global_step`, `optimizer` and whatever else the run
needs to resume. The best checkpoint is in `best/` and contains only the model and the
step.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from deeplab.trainer.run_folder import RunFolder, remove_quietly
from deeplab.weights.checkpoint_keys import SUFFIX, variables_by_key
from deeplab.weights.readers.tensorflow_checkpoint import UNREADABLE, read_checkpoint

PREFIX = "ckpt"
# Metric, value and step of the best checkpoint.
_RECORD = "best.json"


class CheckpointError(ValueError):
    """A checkpoint cannot be written or used; the message says which and what to do."""


class CheckpointStore:
    """Saves and restores the state of one run in its model folder."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        model_items: Mapping[str, Any],
        global_step: tf.Variable,
        run_items: Mapping[str, Any] | None = None,
        keep: int = 5,
    ):
        """Manages the checkpoints in `folder`.

        Args:
          folder: model folder of the run.
          model_items: the model's `checkpoint_items`.
          global_step: step counter, which numbers the checkpoints.
          run_items: what else a run needs to resume: optimizer, data position.
            None when only the model is read, as in evaluation.
          keep: number of the newest checkpoints to keep.

        Raises:
          CheckpointError: `keep` is not positive.
        """
        if keep < 1:
            raise CheckpointError(f"num_checkpoints_to_keep {keep}: must be at least 1")
        self.folder = RunFolder(folder)
        self._best_folder = self.folder.below("best")
        self._step = global_step
        model = {**model_items, "global_step": global_step}
        self._items = {**model, **(run_items or {})}
        self._checkpoint = tf.train.Checkpoint(**self._items)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, self.folder.path, max_to_keep=keep, checkpoint_name=PREFIX
        )
        self._best = tf.train.CheckpointManager(
            tf.train.Checkpoint(**model),
            self._best_folder.path,
            max_to_keep=1,
            checkpoint_name=PREFIX,
        )
        self._saved_step: int | None = None

    def restore_newest(self) -> int | None:
        """Restores the newest readable checkpoint.

        Returns:
          Its step; None when the folder has no checkpoint.

        Raises:
          CheckpointError: none of the checkpoints can be read, or they belong to
            another model.
        """
        found = list_checkpoints(self.folder)
        for step, path in reversed(found):
            try:
                self.restore(path)
            except UNREADABLE as error:
                logging.warning("%s is damaged, trying an older one: %s", path, error)
                continue
            self._saved_step = step
            return step
        if found:
            raise CheckpointError(
                f"{self.folder}: none of its {len(found)} checkpoints can be read; "
                "delete them to start over"
            )
        return None

    def restore(self, path: str) -> None:
        """Restores the checkpoint with this prefix.

        Raises:
          CheckpointError: it belongs to another model.
        """
        shapes = read_checkpoint(path).get_variable_to_shape_map()
        for key, variable in variables_by_key(self._items).items():
            here, there = list(variable.shape), shapes.get(key)
            if here != there:
                found = "does not have it" if there is None else f"has shape {there}"
                raise CheckpointError(
                    f"{path} does not fit this model: {key.removesuffix(SUFFIX)} has "
                    f"shape {here}, the checkpoint {found}. Use the config that it was "
                    "trained with, or another --model_dir; to take what fits from "
                    "another model, set initial_checkpoint"
                )
        self._checkpoint.restore(path).expect_partial()

    def save(self) -> None:
        """Saves a checkpoint of the current step, unless it is already saved.

        Raises:
          CheckpointError: the checkpoint cannot be written; earlier ones stay intact.
        """
        step = int(self._step.numpy())
        if step != self._saved_step:
            self._write(self._manager, step)
            self._saved_step = step

    def save_if_best(self, metric: str, value: float) -> bool:
        """Saves the model as the best one if `value` exceeds all earlier ones.

        Returns:
          Whether it was saved.

        Raises:
          CheckpointError: the checkpoint cannot be written.
        """
        folder = self._best_folder
        before = json.loads(folder.read(_RECORD)) if folder.exists(_RECORD) else None
        if before and before["metric"] == metric and before["value"] >= value:
            return False
        step = int(self._step.numpy())
        self._write(self._best, step)
        entry = {"metric": metric, "value": value, "step": step}
        folder.write(_RECORD, json.dumps(entry) + "\n")
        return True

    def _write(self, manager: tf.train.CheckpointManager, step: int) -> None:
        try:
            manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            folder = RunFolder(manager.directory)
            _remove_unfinished(folder, step)
            intact = ", ".join(f"{PREFIX}-{s}" for s, _ in list_checkpoints(folder))
            reason = getattr(error, "message", None) or str(error)
            raise CheckpointError(
                f"{folder}: cannot write {PREFIX}-{step} ({reason.splitlines()[0]}); "
                f"intact checkpoints: {intact or 'none'}. Free some space, then start "
                "again"
            ) from error


def list_checkpoints(folder: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """Returns (step, prefix) of the complete checkpoints in a folder, by step."""
    place = RunFolder(folder)
    found = []
    for name in place.names():
        match = re.fullmatch(rf"({PREFIX}-(\d+))\.index", name)
        if match:
            found.append((int(match[2]), place.join(match[1])))
    return sorted(found)


def _remove_unfinished(folder: RunFolder, step: int) -> None:
    """Removes the remains of a failed write of this step."""
    prefix = f"{PREFIX}-{step}"
    names = folder.names()
    for name in names:
        is_data = name.startswith(f"{prefix}.data-") and f"{prefix}.index" not in names
        if is_data or name.startswith(f"{prefix}_temp"):
            remove_quietly(folder, name)
