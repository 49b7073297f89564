"""Draws `g3doc/img/architecture.svg`: the rooms of the library, row above row.

    python g3doc/draw_architecture.py

The rows are those of the import contract in `pyproject.toml`; what a room is for is
the first line of its docstring.
"""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "g3doc/img/architecture.svg"
# The way of an image, and the room in which each step happens.
STEPS = (
    ("records", "data"),
    ("examples", "data"),
    ("targets", "data"),
    ("batch", "data"),
    ("normalise", "input_normalization"),
    ("backbone", "backbones"),
    ("head", "heads"),
    ("outputs", "models"),
    ("losses", "losses"),
    ("post-process", "postprocess"),
    ("undo", "inference"),
    ("metrics", "metrics"),
)
WIDTH, MARGIN, ROW, GAP = 1240, 20, 46, 10
_STYLE = (
    "text{font-family:sans-serif;fill:#1f2937}.name{font-size:13px;font-weight:600}"
    ".for{font-size:11px;fill:#4b5563}.step{font-size:12px}"
    "rect{fill:#eef2ff;stroke:#6366f1}.way{fill:#fef3c7;stroke:#d97706}"
    "line{stroke:#d97706;stroke-width:1.5}"
)


def rows() -> list[list[str]]:
    """Returns the rooms of each row, the highest row first."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = text.partition("layers = [")[2].partition("]")[0]
    return [
        [room.strip().removeprefix("deeplab.") for room in row.split("|")]
        for row in re.findall(r'"([^"]+)"', layers)
    ]


def purpose(room: str) -> str:
    """Returns the first line of the docstring of a room, without its full stop."""
    folder = ROOT / "deeplab" / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".")


def draw() -> str:
    """Returns the picture as SVG."""
    parts = list(_way(MARGIN))
    top = MARGIN + ROW + 2 * GAP
    travelled = {room for _, room in STEPS}
    for row in rows():
        height = ROW if len(row) <= 3 else ROW - 16
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        for place, room in enumerate(row):
            left = MARGIN + place * (width + GAP)
            parts += _box(left, top, width, height, room, room in travelled)
        top += height + GAP
    size = (
        f'width="{WIDTH}" height="{top + MARGIN}" viewBox="0 0 {WIDTH} {top + MARGIN}"'
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _way(top: float) -> list[str]:
    """Returns the strip with the way of an image."""
    width = (WIDTH - 2 * MARGIN - 2 * GAP * (len(STEPS) - 1)) / len(STEPS)
    parts = []
    for place, (step, _) in enumerate(STEPS):
        left = MARGIN + place * (width + 2 * GAP)
        middle = top + ROW / 2
        if place:
            parts.append(
                f'<line x1="{left - 2 * GAP:.0f}" y1="{middle:.0f}" '
                f'x2="{left:.0f}" y2="{middle:.0f}"/>'
            )
        parts.append(_rectangle(left, top, width, ROW, "way"))
        parts.append(_text(left + width / 2, middle + 4, step, "step", centred=True))
    return parts


def _box(
    left: float, top: float, width: float, height: float, room: str, on_the_way: bool
) -> list[str]:
    parts = [_rectangle(left, top, width, height, "way" if on_the_way else "")]
    folder = (ROOT / "deeplab" / room).is_dir()
    name = f"{room}/" if folder else f"{room}.py"
    if height < ROW:
        return [*parts, _text(left + width / 2, top + 19, name, "name", centred=True)]
    longest = int(width / 6)
    told = purpose(room)
    told = told if len(told) <= longest else told[: longest - 1].rstrip() + "…"
    return [
        *parts,
        _text(left + 12, top + 19, name, "name"),
        _text(left + 12, top + 36, told, "for"),
    ]


def _rectangle(left: float, top: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" rx="5"/>'
    )


def _text(x: float, y: float, text: str, kind: str, centred: bool = False) -> str:
    anchor = ' text-anchor="middle"' if centred else ""
    return (
        f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}"{anchor}>'
        f"{html.escape(text)}</text>"
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
