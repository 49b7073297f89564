"""`metrics.jsonl`: all logged values of a run, one JSON object per line.

A line has `step`, `split` ("train" or "eval"), `values` and, kept apart because it
depends on the machine, `speed`. A run that was killed and resumed leaves the same lines
as an uninterrupted one: lines after the restored checkpoint are dropped, and logged
again when the steps are repeated.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from deeplab.trainer.run_folder import RunFolder

_NAME = "metrics.jsonl"


class MetricsLog:
    """The log of one model folder."""

    def __init__(self, folder: str | os.PathLike[str]):
        """Uses `metrics.jsonl` in `folder`."""
        self._folder = RunFolder(folder)

    def write(
        self,
        step: int,
        split: str,
        values: Mapping[str, float],
        speed: Mapping[str, float],
    ) -> None:
        """Appends one line and flushes it to disk."""
        entry = {
            "step": step,
            "split": split,
            "values": _finite(values),
            "speed": _finite(speed),
        }
        self._folder.append(_NAME, json.dumps(entry) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Returns all entries; a truncated last line is left out.

        Raises:
          ValueError: another line is not JSON.
        """
        if not self._folder.exists(_NAME):
            return []
        entries = []
        lines = self._folder.read(_NAME).split("\n")
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                entries.append(json.loads(line))
            except json.JSONDecodeError as error:
                if number == len(lines):
                    break
                path = self._folder.join(_NAME)
                raise ValueError(f"{path}:{number}: not JSON: {error}") from error
        return entries

    def has(self, step: int, split: str) -> bool:
        """Returns whether the log has an entry for this step and split."""
        return any(e["step"] == step and e["split"] == split for e in self.read())

    def rewind(self, step: int) -> None:
        """Removes the entries after `step`."""
        if not self._folder.exists(_NAME):
            return
        kept = [e for e in self.read() if e["step"] <= step]
        self._folder.write(_NAME, "".join(json.dumps(e) + "\n" for e in kept))


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Returns plain floats; NaN and infinity become None, since JSON has neither."""
    return {k: float(v) if math.isfinite(v) else None for k, v in values.items()}
