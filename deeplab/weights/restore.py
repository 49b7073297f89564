"""Variables get the values that a file has for them: `deeplab.load_weights`.

Published checkpoints hold the optimizer and the step besides the model; only the
model's weights are looked at.
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
    """A model whose parts have names in checkpoints."""

    @property
    def checkpoint_items(self) -> Mapping[str, Any]:
        """Name -> layer or model, with variables."""
        ...


def load_weights(
    model: HasCheckpointItems, path: str | os.PathLike[str], *, strict: bool = True
) -> RestoreReport:
    """Gives a model the weights of a file.

    Args:
      model: what `deeplab.build_model` returned.
      path: a checkpoint's prefix, its `.index` file, the folder that holds it (a run,
        its `best/`), a `.tar`, `.tar.gz` or `.tgz` of it, or an `.h5` file of Keras.
      strict: whether each weight of the model has to be in the file, with its shape.
        False takes what fits.

    Returns:
      What was restored, skipped, missing and unused.

    Raises:
      WeightsError: there is no such file, it cannot be read, or it lacks a weight
        (strict) or all of them (not strict). The model is then as it was, unless the
        file turned out to be damaged while its arrays were read.
      TypeError: the model has no `checkpoint_items`.
    """
    if not isinstance(model, HasCheckpointItems):
        raise TypeError(
            f"{type(model).__name__} has no checkpoint_items: give load_weights a "
            "model of deeplab.build_model"
        )
    restore = restore_all if strict else restore_matching
    return restore(path, model.checkpoint_items)


def restore_matching(
    path: str | os.PathLike[str], items: Mapping[str, Any]
) -> RestoreReport:
    """Gives variables the values that a file has for them, where the shape is the same.

    Args:
      path: see `load_weights`.
      items: name -> layer or model, with variables; the part of the model's
        `checkpoint_items` to restore.

    Raises:
      WeightsError: there is no such file, it cannot be read, or nothing in it fits.
    """
    return _restore(path, items, whole=False)


def restore_all(
    path: str | os.PathLike[str], items: Mapping[str, Any]
) -> RestoreReport:
    """Gives every variable its value in a file; see `restore_matching`.

    Raises:
      WeightsError: there is no such file, it cannot be read, or it lacks a weight.
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
            f"{report.source}: nothing in this checkpoint fits the model; it holds "
            f"{', '.join(parts[:20]) or 'no weights'}\n{report.table()}"
        )
    if whole and not report.is_whole:
        raise WeightsError(
            f"{report.source} does not hold the whole model of this config\n"
            f"{report.table()}"
        )
