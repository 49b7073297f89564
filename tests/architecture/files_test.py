"""Habits that keep the tree easy to find one's way in."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from deeplab.registry import Registry

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("deeplab", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.name.endswith("_pb2.py")
]
LIBRARY = [path for path in SOURCES if path.is_relative_to(ROOT / "deeplab")]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc"}
REGISTRIES = {
    "backbones": "BACKBONES",
    "data.targets": "TARGETS",
    "datasets": "DATASETS",
    "heads": "HEADS",
    "layers.norms": "NORMS",
    "losses": "LOSSES",
    "metrics": "METRICS",
    "models": "MODELS",
    "postprocess": "POSTPROCESSORS",
    "predictions": "FORMATS",
    "visualization": "WRITERS",
    "weights.name_maps": "NAME_MAPS",
    "weights.readers": "READERS",
}


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_file_holds_one_idea(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            # Statements; neither the signature nor the docstring.
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", LIBRARY, ids=relative)
def test_file_is_named_after_what_it_holds(path):
    parts = set(path.relative_to(ROOT).with_suffix("").parts)
    assert not parts & NAMES_THAT_SAY_NOTHING


def test_trainer_hides_no_standard_module():
    # Its folder comes first in the search path of `python trainer/train.py`.
    for path in (ROOT / "deeplab/trainer").glob("*.py"):
        assert path.stem not in sys.stdlib_module_names


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_is_left_to_do_or_dangerous(path):
    tree = ast.parse(path.read_text())
    comments = re.findall(r"#\s*(TODO|FIXME|XXX)\b", path.read_text())
    assert not comments
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keywords = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            assert keywords.get("shell") is not True, f"line {node.lineno}"
            assert keywords.get("allow_pickle") is not True, f"line {node.lineno}"
            assert getattr(node.func, "id", None) not in ("eval", "exec")
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = {getattr(node, "module", None), *(a.name for a in node.names)}
            assert not modules & {"pickle", "tensorflow_models"}


@pytest.mark.parametrize(("room", "name"), REGISTRIES.items())
def test_every_member_is_registered(room, name):
    package = importlib.import_module(f"deeplab.{room}")
    registry = getattr(package, name)
    assert isinstance(registry, Registry)
    assert registry.names()
    folder = Path(package.__file__).parent
    decorated = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if f"@{name}.register(" in path.read_text() and path.stem != "__init__"
    }
    listed = {
        module
        for module in registry._modules
        if "register(" in (folder / f"{module.replace('.', '/')}.py").read_text()
    }
    assert decorated <= set(registry._modules), "list the module in __init__.py"
    assert listed == set(registry._modules), "a listed module registers nothing"
