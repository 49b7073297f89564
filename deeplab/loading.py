"""From a folder or a name to a `Predictor`: `deeplab.load`."""

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
    """Loads an exported model, or a published one by its name.

    A published model is built from its config and given the weights of its
    checkpoint, which is downloaded when it is first asked for.

    Args:
      model: folder that `deeplab export` wrote, or a name of `deeplab zoo list`.
      fields: what a published model predicts; the maps of one value a pixel when
        empty. An exported model predicts what it was exported with.
      cache: folder of downloads; that of `DEEPLAB_CACHE`, else `~/.cache/deeplab`.
      source: address or folder with copies of the published files; that of
        `DEEPLAB_ZOO_SOURCE`, else where they were published.

    Raises:
      ValueError: there is no such model, it cannot be had, or its checkpoint does not
        hold the whole of it.
      OSError: the cache cannot be written.
    """
    if Path(model).exists() or Path(model).name != str(model):
        return exported.load(model)
    try:
        entry = find(str(model))
    except ZooError as error:
        raise ZooError(f"there is no folder {str(model)!r}, and {error}") from error
    if not entry.config:
        raise ZooError(
            f"{entry.name} holds no whole model, but weights to start training from: "
            f"`deeplab zoo fetch {entry.name}`, and name the file in initial_checkpoint"
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
