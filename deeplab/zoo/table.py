"""The table of published checkpoints."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

TABLE = "checkpoints.json"


class ZooError(ValueError):
    """A published checkpoint is not available; the message says why, and what to do."""


@dataclass(frozen=True)
class Entry:
    """A published checkpoint.

    Attributes:
      name: name of the checkpoint: its file name without `.tar.gz`.
      project: the paper it belongs to, a key of `projects()`.
      title: the model.
      dataset: data set of training and evaluation; empty for a pretrained backbone.
      config: the experiment, relative to `configs/` and without suffix; empty if the
        checkpoint only initialises training.
      url: address where it was published.
      sha256: digest of the archive in hexadecimal; empty if none is pinned.
      parameters: number of trainable parameters, as counted here; None if not counted.
      multiply_adds: multiply-adds for an image of `image_size`; None if not counted.
      image_size: height and width of the evaluated images; None if there are none.
      published: column name -> value, as published. "official" scores are from the
        data set's scripts, the others from DeepLab2.
    """

    name: str
    project: str
    title: str
    dataset: str
    config: str
    url: str
    sha256: str
    parameters: int | None
    multiply_adds: int | None
    image_size: tuple[int, int] | None
    published: Mapping[str, str]

    @property
    def file(self) -> str:
        """Name of the archive."""
        return self.url.rsplit("/", 1)[1]

    @property
    def score(self) -> str:
        """The main score of the model, preferably the official one; "" if none."""
        for wanted in (
            "STQ",
            "VPQ",
            "PQ, official",
            "val PQ, official",
            "PQ, DeepLab2",
        ):
            value = self.published.get(wanted, "-")
            if value != "-":
                return f"{wanted.split(',')[0].removeprefix('val ')} {value}"
        accuracy = self.published.get("top-1 accuracy")
        return f"top-1 {accuracy}" if accuracy else ""


@dataclass(frozen=True)
class Project:
    """A paper whose models were published.

    Attributes:
      title: its name in tables.
      paper: authors, title, venue and address; empty for several papers.
    """

    title: str
    paper: str


@functools.cache
def _table() -> dict:
    text = resources.files("deeplab.zoo").joinpath(TABLE).read_text(encoding="utf-8")
    return json.loads(text)


def projects() -> dict[str, Project]:
    """Returns the papers by key."""
    return {name: Project(**fields) for name, fields in _table()["projects"].items()}


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Returns all published checkpoints by name, in the order of the table."""
    found = {}
    for fields in _table()["checkpoints"]:
        size = fields["image_size"]
        entry = Entry(**{**fields, "image_size": tuple(size) if size else None})
        found[entry.name] = entry
    return found


def search(words: Sequence[str]) -> list[Entry]:
    """Returns the checkpoints whose name, title or data set have all the words.

    Raises:
      ZooError: there is no such checkpoint.
    """
    chosen = [
        entry
        for entry in entries().values()
        if all(
            word.lower() in f"{entry.name} {entry.title} {entry.dataset}".lower()
            for word in words
        )
    ]
    if not chosen:
        raise ZooError(
            f"no published checkpoint has the words {' '.join(words)}; "
            "`deeplab zoo list` shows all"
        )
    return chosen


def find(name: str) -> Entry:
    """Returns the checkpoint with a name.

    Raises:
      ZooError: there is no such checkpoint; the message suggests similar names.
    """
    if name in entries():
        return entries()[name]
    near = difflib.get_close_matches(name, entries(), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ZooError(
        f"no published checkpoint is named {name!r}; {hint}`deeplab zoo list` shows all"
    )
