"""Starting from weights of elsewhere: whatever fits by key and shape is taken.

Published checkpoints hold the optimizer and the step besides the model; only the
model's entries are looked at.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from deeplab.core.remote_path import as_os_errors, is_remote
from deeplab.trainer.checkpoint_keys import SUFFIX, variables_by_key
from deeplab.trainer.checkpointing import UNREADABLE, CheckpointError, read_checkpoint
from deeplab.trainer.moat_names import moat_variable_name

# Where others put the encoder: the Model Garden's trainer, and weights that were saved
# of the encoder alone, as those of ConvNeXt.
_OTHER_PLACES = {"encoder/": ("backbone/_encoder/", "")}


@dataclass
class RestoreReport:
    """What was taken from a checkpoint, by checkpoint key."""

    source: str
    restored: list[str] = field(default_factory=list)
    # Key -> (shape in the checkpoint, shape in the model).
    skipped: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Returns the report as a table: one row per part of the model."""
        parts: dict[str, list[int]] = {}
        columns = (self.restored, self.skipped, self.missing)
        for column, keys in enumerate(columns):
            for key in keys:
                parts.setdefault(key.split("/")[0], [0, 0, 0])[column] += 1
        width = max([len("part"), *map(len, parts)])
        lines = [
            f"weights from {self.source}",
            f"  {'part':<{width}}  restored  skipped (shape differs)  missing",
        ]
        for part, (restored, skipped, missing) in sorted(parts.items()):
            lines.append(f"  {part:<{width}}  {restored:8}  {skipped:23}  {missing:7}")
        for key, (stored, wanted) in sorted(self.skipped.items()):
            lines.append(f"  skipped {key}: {stored} there, {wanted} here")
        lines += [f"  missing {key}" for key in sorted(self.missing)[:10]]
        if len(self.missing) > 10:
            lines.append(f"  missing ... and {len(self.missing) - 10} more")
        return "\n".join(lines)


def restore_matching(path: str, items: Mapping[str, Any]) -> RestoreReport:
    """Gives variables the values that a checkpoint has under their key.

    Args:
      path: prefix of a checkpoint, a folder of checkpoints, an `.index` file, or a
        `.tar`, `.tar.gz` or `.tgz` with a checkpoint inside.
      items: name -> layer or model, with variables; the part of the model's
        `checkpoint_items` to restore.

    Raises:
      CheckpointError: there is no checkpoint, it cannot be read, or nothing in it
        matches.
    """
    report = RestoreReport(path)
    with checkpoint_prefix(path) as prefix:
        try:
            reader = read_checkpoint(prefix)
            shapes = reader.get_variable_to_shape_map()
            for key, variable in variables_by_key(items).items():
                _restore_one(key, variable, shapes, reader, report)
        except UNREADABLE as error:
            raise CheckpointError(f"{path}: cannot read the checkpoint: {error}") from (
                error
            )
    if not report.restored:
        raise CheckpointError(
            f"{path}: nothing in this checkpoint fits the model; it holds "
            f"{', '.join(sorted({key.split('/')[0] for key in shapes}))}\n"
            f"{report.table()}"
        )
    return report


def restore_all(path: str, items: Mapping[str, Any]) -> None:
    """Gives every variable its value in a checkpoint; see `restore_matching`.

    Raises:
      CheckpointError: there is no such checkpoint, or it lacks a part of the model.
    """
    report = restore_matching(path, items)
    if report.missing or report.skipped:
        raise CheckpointError(
            f"{path} does not hold the whole model of this config\n{report.table()}"
        )


def _restore_one(
    key: str,
    variable: tf.Variable,
    shapes: Mapping[str, list[int]],
    reader: Any,
    report: RestoreReport,
) -> None:
    name = key.removesuffix(SUFFIX)
    stored = next((k for k in _candidates(key) if k in shapes), None)
    if stored is None:
        report.missing.append(name)
    elif list(shapes[stored]) != list(variable.shape):
        wanted = [side for side in variable.shape if side is not None]
        report.skipped[name] = (list(shapes[stored]), wanted)
    else:
        variable.assign(reader.get_tensor(stored))
        report.restored.append(name)


def _candidates(key: str) -> Iterator[str]:
    yield key
    for start, others in _OTHER_PLACES.items():
        if key.startswith(start):
            for other in others:
                yield other + key.removeprefix(start)
    name = moat_variable_name(key.removesuffix(SUFFIX))
    if name is not None:
        yield name


@contextlib.contextmanager
def checkpoint_prefix(path: str) -> Iterator[str]:
    """Finds the checkpoint that a path means, for as long as the block runs.

    Raises:
      CheckpointError: there is none.
    """
    if path.endswith((".tar", ".tar.gz", ".tgz")):
        with tempfile.TemporaryDirectory() as folder:
            _extract(path, folder)
            yield _single_prefix(folder, path)
    elif path.endswith(".index"):
        yield _existing(path.removesuffix(".index"))
    elif tf.io.gfile.isdir(path) and not tf.io.gfile.exists(f"{path}.index"):
        newest = tf.train.latest_checkpoint(path)
        yield newest or _single_prefix(path, path)
    else:
        yield _existing(path)


def _existing(prefix: str) -> str:
    if not tf.io.gfile.exists(prefix + ".index"):
        raise CheckpointError(
            f"{prefix}: no such checkpoint; give its prefix, its .index file, the "
            "folder that holds it, or a .tar.gz"
        )
    return prefix


def _extract(archive: str, folder: str) -> None:
    try:
        with _opened(archive) as file, tarfile.open(fileobj=file) as tar:
            # The filter refuses paths that lead outside the folder, links, devices.
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CheckpointError(f"{archive}: cannot unpack: {error}") from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """Opens a file for reading, through TensorFlow where it is remote."""
    if is_remote(path):
        with as_os_errors(path), tf.io.gfile.GFile(path, "rb") as file:
            yield file
    else:
        with open(path, "rb") as file:
            yield file


def _single_prefix(folder: str, path: str) -> str:
    found = sorted(
        os.path.join(root, name)
        for root, _, names in tf.io.gfile.walk(folder)
        for name in names
        if name.endswith(".index")
    )
    if len(found) != 1:
        names = ", ".join(os.path.basename(p) for p in found[:5])
        raise CheckpointError(
            f"{path}: expected one checkpoint inside, found {len(found)}"
            + (f" ({names})" if found else "")
        )
    return found[0].removesuffix(".index")
