"""Splits the results of metrics into per-class and other results, and writes them.

The result of a class is called "<metric>/<kind>/<class>".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.visualization.bars import Bar, bar_chart
from deeplab.visualization.pictures import write_png

# The kinds of results that are drawn for each class.
_DRAWN = ("pq", "iou")


def summary(results: Mapping[str, float], info: DatasetInfo) -> dict[str, float]:
    """Returns the results that do not belong to a class, in their order."""
    names = {c.name for c in info.classes}
    return {key: value for key, value in results.items() if _last(key) not in names}


def of_classes(
    results: Mapping[str, float], info: DatasetInfo
) -> dict[str, dict[str, float]]:
    """Returns "<metric>/<kind>" -> class name -> value, sorted by metric and kind."""
    names = {c.name for c in info.classes}
    columns: dict[str, dict[str, float]] = {}
    for key in sorted(results):
        if _last(key) in names:
            column = "/".join(key.split("/", 2)[:2])
            columns.setdefault(column, {})[_last(key)] = results[key]
    return dict(sorted(columns.items()))


def write_results(
    folder: Path, results: Mapping[str, float], info: DatasetInfo
) -> None:
    """Writes `results.json`, and bar charts of the classes as `<metric>_<kind>.png`.

    Args:
      folder: folder of the files; created if it does not exist.
      results: name -> value; values that are drawn are percentages.
      info: the data set.

    Raises:
      OSError: a file cannot be written.
    """
    with atomic_file(folder / "results.json") as file:
        file.write((json.dumps(results, indent=1) + "\n").encode())
    for column, values in of_classes(results, info).items():
        metric, _, kind = column.partition("/")
        if kind in _DRAWN:
            bars = [
                Bar(c.name, values[c.name], c.color)
                for c in info.classes
                if c.name in values
            ]
            picture = bar_chart(f"{metric}: {kind} of each class, in %", bars)
            write_png(folder / f"{metric}_{kind}.png", picture)


def _last(key: str) -> str:
    return key.split("/", 2)[-1]
