"""Restores the weights of a model from a file: `deeplab.load_weights`.

Published checkpoints also contain the optimizer state and the step; only the weights of
the model are used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from deeplab.weights.checkpoint_keys import variables_by_key
from deeplab.weights.error import WeightsError
from deeplab.weights.matching import Match, match
from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.readers import reader_of
from deeplab.weights.report import RestoreReport


@runtime_checkable
class HasCheckpointItems(Protocol):
    """A model with named parts in checkpoints."""

    @property
    def checkpoint_items(self) -> Mapping[str, Any]:
        """Name -> layer or model with variables."""
        ...


def load_weights(
    model: HasCheckpointItems, path: str | os.PathLike[str], *, strict: bool = True
) -> RestoreReport:
    """Loads the weights of a model from a file.

    Args:
      model: a model that `deeplab.build_model` returned.
      path: a checkpoint's prefix, its `.index` file, its folder (a run folder or its
        `best/`), a `.tar`, `.tar.gz` or `.tgz` of it, or a Keras `.h5` file.
      strict: whether every weight of the model must be in the file, with the same
        shape. If False, the weights that match are loaded.

    Returns:
      A report of the weights that were restored, skipped, missing and unused.

    Raises:
      WeightsError: the file does not exist, cannot be read, or lacks a weight (strict)
        or all weights (not strict). The model is left unchanged, unless the file turns
        out to be damaged while its arrays are read.
      TypeError: the model has no `checkpoint_items`.
    """
    if not isinstance(model, HasCheckpointItems):
        raise TypeError(
            f"{type(model).__name__} has no checkpoint_items: give load_weights a "
            "model from deeplab.build_model"
        )
    restore = restore_all if strict else restore_matching
    return restore(path, model.checkpoint_items)


def restore_matching(
    path: str | os.PathLike[str], items: Mapping[str, Any]
) -> RestoreReport:
    """Restores the variables for which a file has a value of the same shape.

    Args:
      path: path of the weights; see `load_weights`.
      items: name -> layer or model with variables: the part of the model's
        `checkpoint_items` to restore.

    Raises:
      WeightsError: the file does not exist, cannot be read, or has no matching weight.
    """
    return _restore(path, items, whole=False)


def restore_all(
    path: str | os.PathLike[str], items: Mapping[str, Any]
) -> RestoreReport:
    """Restores every variable from a file; see `restore_matching`.

    Raises:
      WeightsError: the file does not exist, cannot be read, or lacks a weight.
    """
    return _restore(path, items, whole=True)


def _restore(
    path: str | os.PathLike[str], items: Mapping[str, Any], whole: bool
) -> RestoreReport:
    source = os.fspath(path)
    name_maps = [NAME_MAPS.get(name) for name in NAME_MAPS.names()]
    with reader_of(source).open(source) as arrays:
        matches, report = match(source, variables_by_key(items), arrays, name_maps)
        _refuse_too_little(matches, report, arrays, whole)
        for one in matches:
            one.assign()
    return report


def _refuse_too_little(
    matches: list[Match], report: RestoreReport, keys: Mapping[str, Any], whole: bool
) -> None:
    if not matches:
        parts = sorted({key.split("/")[0] for key in keys})
        raise WeightsError(
            f"{report.source}: nothing in this checkpoint fits the model; it contains "
            f"{', '.join(parts[:20]) or 'no weights'}\n{report.table()}"
        )
    if whole and not report.is_whole:
        raise WeightsError(
            f"{report.source} does not contain the whole model of this config\n"
            f"{report.table()}"
        )
