"""Writes the tables of published checkpoints into the pages that show them.

Run it from the root after changing `deeplab/zoo/checkpoints.json`:

  python model_zoo/write_tables.py

In each page, everything between the lines `<!-- zoo: PROJECT -->` and `<!-- end -->` is
replaced.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

from deeplab.zoo.table import Entry, entries

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "model_zoo/README.md",
    *sorted((ROOT / "g3doc/projects").glob("*.md")),
)
_PART = re.compile(r"(<!-- zoo: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def rewritten(page: Path) -> str:
    """Returns the text of a page with up-to-date tables."""
    text = page.read_text(encoding="utf-8")
    folder = os.path.relpath(ROOT, page.parent)
    return _PART.sub(
        lambda part: part[1] + "\n" + tables(part[2], folder) + "\n" + part[3], text
    )


def tables(project: str, root: str) -> str:
    """Returns the tables of a project, one for each data set and set of scores.

    Args:
      project: the project's name in `checkpoints.json`.
      root: path of the root of the repository, relative to the page.
    """
    chosen = [entry for entry in entries().values() if entry.project == project]
    groups = itertools.groupby(
        chosen, lambda e: (e.dataset, bool(e.config), tuple(e.published))
    )
    return "\n".join(
        _title(dataset, is_experiment) + _table(list(members), root)
        for (dataset, is_experiment, _), members in groups
    )


def _title(dataset: str, is_experiment: bool) -> str:
    if not dataset:
        return ""
    start = "" if is_experiment else ", to start from"
    return f"**{dataset}{start}**\n\n"


def _table(members: Sequence[Entry], root: str) -> str:
    measured = bool(members[0].config)
    columns = [name for name in members[0].published if name != "image size"]
    has_size = measured or "image size" in members[0].published
    head = ["model", *(["image"] if has_size else [])]
    head += ["parameters (M)", "multiply-adds (G)"] if measured else []
    head += [*columns, "checkpoint"]
    rows = []
    for entry in members:
        row = [_model(entry, root), *([_size(entry)] if has_size else [])]
        if measured:
            row += [_rounded(entry.parameters, 1e6, 1)]
            row += [_rounded(entry.multiply_adds, 1e9, 0)]
        row += [entry.published[name] for name in columns]
        rows.append([*row, f"[`{entry.name}`]({entry.url})"])
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _model(entry: Entry, root: str) -> str:
    if not entry.config:
        return entry.title
    return f"[{entry.title}]({root}/configs/{entry.config}.textproto)"


def _size(entry: Entry) -> str:
    if entry.image_size is None:
        return entry.published["image size"]
    return " x ".join(map(str, entry.image_size))


def _rounded(count: int | None, unit: float, digits: int) -> str:
    return "" if count is None else f"{count / unit:.{digits}f}"


def main() -> None:
    """Writes and lists every page whose tables have changed."""
    for page in PAGES:
        text = rewritten(page)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
