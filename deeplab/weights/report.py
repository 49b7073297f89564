"""The report of which weights of a model were restored from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_LISTED = 10
_COLUMNS = ("restored", "skipped (shape differs)", "missing", "unused")


@dataclass
class RestoreReport:
    """Which weights were restored from a file, and which were not.

    Attributes:
      source: path of the file.
      restored: checkpoint keys of the model's weights that were restored.
      skipped: checkpoint key -> (shape in the file, shape in the model) of weights
        whose shapes differ; the first is converted to our layout where possible.
      missing: checkpoint keys of the model's weights that the file does not have.
      unused: keys in the file of weights that the model does not have. Optimizer slots
        and counters do not count as weights.
    """

    source: str
    restored: list[str] = field(default_factory=list)
    skipped: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every weight of the model was restored."""
        return not self.skipped and not self.missing

    def table(self) -> str:
        """Returns the report as a table, with one row per part of the model or file."""
        parts: dict[str, list[int]] = {}
        columns = (self.restored, self.skipped, self.missing, self.unused)
        for column, keys in enumerate(columns):
            for key in keys:
                counts = parts.setdefault(key.split("/")[0], [0] * len(columns))
                counts[column] += 1
        width = max([len("part"), *map(len, parts)])
        lines = [
            f"weights from {self.source}",
            f"  {'part':<{width}}  {'  '.join(_COLUMNS)}",
        ]
        for part, counts in sorted(parts.items()):
            cells = (f"{n:{len(c)}}" for n, c in zip(counts, _COLUMNS, strict=True))
            lines.append(f"  {part:<{width}}  {'  '.join(cells)}")
        for key, (stored, wanted) in sorted(self.skipped.items()):
            lines.append(
                f"  skipped {key}: {stored} in the file, {wanted} in the model"
            )
        lines += _listed("missing", self.missing) + _listed("unused", self.unused)
        return "\n".join(lines)


def _listed(what: str, keys: Sequence[str]) -> list[str]:
    lines = [f"  {what} {key}" for key in sorted(keys)[:_LISTED]]
    if len(keys) > _LISTED:
        lines.append(f"  {what} ... and {len(keys) - _LISTED} more")
    return lines
