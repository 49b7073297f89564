"""`metrics.jsonl`: every logged value of a run, one JSON object a line.

A line holds `step`, `split` ("train" or "eval"), `values`, and apart from them
`speed`, which depends on the machine. A run that was killed and resumed leaves
the same lines as an unbroken one: what was logged after the restored checkpoint
is dropped, and logged again when the steps are taken again.
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
    """Writes and rewinds the log of one model folder."""

    def __init__(self, folder: str | os.PathLike[str]):
        """Logs to `metrics.jsonl` in `folder`."""
        self._folder = RunFolder(folder)

    def write(
        self,
        step: int,
        split: str,
        values: Mapping[str, float],
        speed: Mapping[str, float],
    ) -> None:
        """Appends one line and makes sure that it is on disk."""
        entry = {
            "step": step,
            "split": split,
            "values": _finite(values),
            "speed": _finite(speed),
        }
        self._folder.append(_NAME, json.dumps(entry) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Returns all lines; a last line cut off by a kill is left out."""
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
        """Returns whether there is a line of this step and split."""
        return any(e["step"] == step and e["split"] == split for e in self.read())

    def rewind(self, step: int) -> None:
        """Drops the lines after `step`."""
        if not self._folder.exists(_NAME):
            return
        kept = [e for e in self.read() if e["step"] <= step]
        self._folder.write(_NAME, "".join(json.dumps(e) + "\n" for e in kept))


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Returns plain numbers; what is undefined becomes null, as JSON has no NaN."""
    return {k: float(v) if math.isfinite(v) else None for k, v in values.items()}
