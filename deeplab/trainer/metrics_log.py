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
from pathlib import Path
from typing import Any


class MetricsLog:
    """Writes and rewinds the log of one model folder."""

    def __init__(self, folder: Path):
        """Logs to `metrics.jsonl` in `folder`."""
        self.path = folder / "metrics.jsonl"

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
        line = json.dumps(entry)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        """Returns all lines; a last line cut off by a kill is left out."""
        if not self.path.exists():
            return []
        entries = []
        lines = self.path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                entries.append(json.loads(line))
            except json.JSONDecodeError as error:
                if number == len(lines):
                    break
                raise ValueError(f"{self.path}:{number}: not JSON: {error}") from error
        return entries

    def has(self, step: int, split: str) -> bool:
        """Returns whether there is a line of this step and split."""
        return any(e["step"] == step and e["split"] == split for e in self.read())

    def rewind(self, step: int) -> None:
        """Drops the lines after `step`."""
        if not self.path.exists():
            return
        kept = [e for e in self.read() if e["step"] <= step]
        temporary = self.path.with_suffix(".jsonl.tmp")
        temporary.write_text(
            "".join(json.dumps(e) + "\n" for e in kept), encoding="utf-8"
        )
        temporary.replace(self.path)


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Returns plain numbers; what is undefined becomes null, as JSON has no NaN."""
    return {k: float(v) if math.isfinite(v) else None for k, v in values.items()}
