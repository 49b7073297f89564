"""Loads a `Predictor` by directory or by name: `deeplab.load`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from deeplab import factory
from deeplab.config import read_config, shipped_config
from deeplab.inference import exported
from deeplab.inference.field_choice import served_fields
from deeplab.inference.predictor import Predictor
from deeplab.plan import resolve
from deeplab.weights.restore import load_weights
from deeplab.zoo.bar import download_bar
from deeplab.zoo.cache import fetch
from deeplab.zoo.table import Entry, ZooError, find


def load(
    model: str | os.PathLike[str],
    *,
    fields: Sequence[str] = (),
    cache: str | os.PathLike[str] | None = None,
    source: str | None = None,
) -> Predictor:
    """Loads an exported model by directory, or a published model by name.

    A published model is built from its config and restored from its checkpoint, which
    is downloaded on first use.

    Args:
      model: directory that `deeplab export` wrote, or a name from `deeplab zoo list`.
      fields: names of the fields that a published model predicts; if empty, those that
        exported models serve by default. An exported model predicts the fields that
        it was exported with.
      cache: directory for downloads; by default `$DEEPLAB_CACHE`, or
        `~/.cache/deeplab` if that is unset.
      source: URL or directory with copies of the published files; by default
        `$DEEPLAB_ZOO_SOURCE`, or the original location if that is unset.

    Raises:
      ValueError: the model does not exist or cannot be downloaded, or its checkpoint
        is incomplete.
      OSError: the cache cannot be written.
    """
    if Path(model).exists() or Path(model).name != str(model):
        return exported.load(model)
    try:
        entry = find(str(model))
    except ZooError as error:
        raise ZooError(f"{str(model)!r} is not a directory, and {error}") from error
    if not entry.config:
        raise ZooError(
            f"{entry.name} is not a complete model but weights to initialise training: "
            f"run `deeplab zoo fetch {entry.name}`, and set initial_checkpoint to its "
            "path"
        )
    with download_bar(entry.name) as progress:
        archive = fetch(entry, cache=cache, source=source, progress=progress)
    return _restored(entry, archive, fields)


def _restored(entry: Entry, archive: Path, fields: Sequence[str]) -> Predictor:
    config = read_config(shipped_config(f"{entry.config}.textproto"))
    plan = resolve(config)
    network = factory.build_model(plan)
    load_weights(network, archive)
    return Predictor.of_model(
        network,
        factory.build_preprocess(plan),
        plan.info,
        served_fields(network, fields),
    )
