"""Who may import whom, and what importing the package costs."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for path in sorted((ROOT / "deeplab").rglob("*.py"))
    if not path.name.endswith("_pb2.py")
]
# These take tensors and plain arguments only.
WITHOUT_SCHEMAS = ("core", "ops", "layers", "datasets", "models")


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def schema_names(tree):
    """Returns the names a module imports from the compiled schemas."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("deeplab.protos")
        for alias in node.names
    }


def names_in(annotation):
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def test_rows_of_the_house_are_kept():
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_schemas_stop_at_builders(path):
    tree = ast.parse(path.read_text())
    schemas = schema_names(tree)
    room = path.relative_to(ROOT / "deeplab").parts[0]
    if room in WITHOUT_SCHEMAS:
        imported = (
            schemas - {"EvaluatorOptions"} if room == "visualization" else schemas
        )
        assert not imported
    for owner in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
        for method in (n for n in owner.body if isinstance(n, ast.FunctionDef)):
            for argument in method.args.args + method.args.kwonlyargs:
                if argument.annotation is not None:
                    assert not names_in(argument.annotation) & schemas, (
                        f"{owner.name}.{method.name} takes a schema message: pass "
                        "plain arguments, and map options to them in the builder"
                    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_keras_is_imported_by_its_own_name(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("tf", "keras"), f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith(("tensorflow.keras", "keras"))


def test_public_names_are_there_without_tensorflow():
    out = run_python(
        "import sys, json, deeplab\n"
        "deeplab.read_config, deeplab.parse_config\n"
        "print(json.dumps(['tensorflow' in sys.modules, dir(deeplab)]))"
    )
    tensorflow_imported, names = json.loads(out)
    assert not tensorflow_imported
    assert {"build_model", "load", "read_config", "Predictor", "Prediction"} <= set(
        names
    )


def test_every_public_name_resolves():
    code = "import deeplab\nfor name in dir(deeplab): getattr(deeplab, name)"
    run_python(code)


def test_unknown_public_name_is_an_attribute_error():
    import deeplab

    with pytest.raises(AttributeError, match="no attribute 'bulid_model'"):
        deeplab.bulid_model  # noqa: B018


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "deeplab.cli.main", "--help"],
        ["-m", "deeplab.cli.main", "train", "--help"],
        ["-m", "deeplab.trainer.train", "--help"],
        [str(ROOT / "deeplab/trainer/train.py"), "--help"],
    ],
    ids=["deeplab", "deeplab train", "module", "script"],
)
def test_help_is_quick(words):
    # Processor time, which other work on the machine does not change much.
    before = os.times()
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    after = os.times()
    used = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    assert used < 1.5
