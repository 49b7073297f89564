"""The picture of the house in `g3doc/architecture.md` is that of the code's imports."""

import ast
import importlib.util

import pytest

from tests.architecture.sources import ROOT, assert_none, library


@pytest.fixture(scope="module")
def drawing():
    """Returns the program that draws the picture."""
    path = ROOT / "g3doc/draw_architecture.py"
    spec = importlib.util.spec_from_file_location("draw_architecture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imported_rooms(node):
    """Returns the rooms that an import statement names."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        names = [f"deeplab.{n}" for n in names] if module == "deeplab" else [module]
    return {name.split(".")[1] for name in names if name.startswith("deeplab.")}


def test_the_picture_is_drawn_from_the_code(drawing):
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.draw(), (
        "run: python g3doc/draw_architecture.py"
    )
    page = (ROOT / "g3doc/architecture.md").read_text(encoding="utf-8")
    assert f"({drawing.PICTURE.relative_to(ROOT / 'g3doc')})" in page


def test_every_room_stands_in_one_row(drawing):
    rooms = [room for row in drawing.rows() for room in row]
    there = {
        path.stem
        for path in (ROOT / "deeplab").iterdir()
        if (path.is_dir() and (path / "__init__.py").exists()) or path.suffix == ".py"
    }
    # Shipped data, and what the package itself exports.
    assert sorted(rooms) == sorted(there - {"__init__"})
    assert {room for _, room in drawing.STEPS} <= set(rooms)
    assert all(drawing.purpose(room) for room in rooms)


def test_imports_go_down(drawing):
    rank = {room: place for place, row in enumerate(drawing.rows()) for room in row}
    assert_none(
        f"{source.at(node)}: {room} imports {other}, which is no lower"
        for source in library()
        if (room := source.room.removesuffix(".py")) in rank
        for node in source.nodes(ast.Import, ast.ImportFrom)
        for other in imported_rooms(node) & set(rank)
        if other != room and rank[other] <= rank[room]
    )
