"""Habits that keep the tree easy to find one's way in."""

import ast
import importlib
import re
import sys

import pytest

from deeplab.registry import Registry
from tests.architecture.sources import ROOT, assert_none, everything, library

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc"}
FORBIDDEN_MODULES = {"pickle", "tensorflow_models"}
FORBIDDEN_CALLS = {"eval", "exec"}
FORBIDDEN_ARGUMENTS = ("shell", "allow_pickle")
REGISTRIES = {
    "backbones": "BACKBONES",
    "data.targets": "TARGETS",
    "datasets": "DATASETS",
    "heads": "ARCHITECTURES",
    "input_normalization": "INPUT_NORMALIZATIONS",
    "layers.norms": "NORMS",
    "losses": "LOSSES",
    "metrics": "METRICS",
    "models.forward_passes": "FORWARD_PASSES",
    "models.video": "VIDEO_STATES",
    "postprocess": "POSTPROCESSORS",
    "predictions": "FORMATS",
    "visualization": "WRITERS",
    "weights.name_maps": "NAME_MAPS",
    "weights.readers": "READERS",
}


def body_lines(function):
    """Returns how many lines the statements take; no signature, no docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def test_a_file_holds_one_idea():
    assert_none(
        f"{source.path}: {lines} lines, at most {MAX_FILE_LINES}"
        for source in library()
        if (lines := len(source.text.splitlines())) > MAX_FILE_LINES
    )


def test_a_function_does_one_thing():
    assert_none(
        f"{source.at(node)}: {node.name} has {lines} lines, at most "
        f"{MAX_FUNCTION_LINES}"
        for source in library()
        for node in source.nodes(ast.FunctionDef)
        if (lines := body_lines(node)) > MAX_FUNCTION_LINES
    )


def test_a_file_is_named_after_what_it_holds():
    assert_none(
        f"{source.path}: {name!r} says nothing"
        for source in library()
        for name in set(source.path.with_suffix("").parts) & NAMES_THAT_SAY_NOTHING
    )


def test_trainer_hides_no_standard_module():
    # Its folder comes first in the search path of `python trainer/train.py`.
    assert_none(
        f"{path.relative_to(ROOT)}: named as a standard module"
        for path in (ROOT / "deeplab/trainer").glob("*.py")
        if path.stem in sys.stdlib_module_names
    )


def test_nothing_is_left_to_do():
    assert_none(
        f"{source.path}:{source.text.count(chr(10), 0, found.start()) + 1}: {found[0]}"
        for source in everything()
        for found in re.finditer(r"#\s*(TODO|FIXME|XXX)\b", source.text)
    )


def dangers(source):
    """Yields what a file calls or imports that it must not."""
    for call in source.nodes(ast.Call):
        keywords = {k.arg: getattr(k.value, "value", None) for k in call.keywords}
        for name in FORBIDDEN_ARGUMENTS:
            if keywords.get(name) is True:
                yield f"{source.at(call)}: {name}=True"
        if getattr(call.func, "id", None) in FORBIDDEN_CALLS:
            yield f"{source.at(call)}: {call.func.id}"
    for node in source.nodes(ast.ImportFrom, ast.Import):
        modules = {getattr(node, "module", None), *(a.name for a in node.names)}
        for name in modules & FORBIDDEN_MODULES:
            yield f"{source.at(node)}: imports {name}"


def test_nothing_is_dangerous():
    assert_none(danger for source in everything() for danger in dangers(source))


@pytest.mark.parametrize(("room", "name"), REGISTRIES.items())
def test_every_member_is_registered(room, name):
    package = importlib.import_module(f"deeplab.{room}")
    registry = getattr(package, name)
    assert isinstance(registry, Registry)
    assert registry.names()
    folder = ROOT / "deeplab" / room.replace(".", "/")
    decorated = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if f"@{name}.register(" in path.read_text() and path.stem != "__init__"
    }
    listed = {
        module
        for module in registry.modules
        if "register(" in (folder / f"{module.replace('.', '/')}.py").read_text()
    }
    assert decorated <= set(registry.modules), "list the module in __init__.py"
    assert listed == set(registry.modules), "a listed module registers nothing"
