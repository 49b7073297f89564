"""Who may import whom, and what importing the package costs."""

import ast
import json
import os
import subprocess
import sys

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import deeplab
from tests.architecture.sources import ROOT, assert_none, library

# These take tensors and plain arguments only.
WITHOUT_SCHEMAS = ("core", "ops", "layers", "datasets", "models")


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def schema_names(source):
    """Returns the names a module imports from the compiled schemas."""
    return {
        alias.asname or alias.name
        for node in source.nodes(ast.ImportFrom)
        if (node.module or "").startswith("deeplab.protos")
        for alias in node.names
    }


def names_in(annotation):
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def test_rows_of_the_house_are_kept():
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS


def schemas_too_deep(source):
    """Yields where a message of the config goes further than to a builder."""
    schemas = schema_names(source)
    if source.room in WITHOUT_SCHEMAS:
        for name in schemas:
            yield f"{source.path}: imports {name}; this room takes plain arguments"
    for owner in source.nodes(ast.ClassDef):
        for method in (n for n in owner.body if isinstance(n, ast.FunctionDef)):
            for argument in method.args.args + method.args.kwonlyargs:
                if argument.annotation is not None:
                    for name in names_in(argument.annotation) & schemas:
                        yield (
                            f"{source.at(method)}: {owner.name}.{method.name} takes "
                            f"{name}: pass plain arguments, and map options to them "
                            "in the builder"
                        )


def test_schemas_stop_at_builders():
    assert_none(offence for source in library() for offence in schemas_too_deep(source))


def keras_by_another_name(source):
    """Yields where `tf_keras` goes by the name of TensorFlow's or Keras 3."""
    for node in source.nodes(ast.Attribute):
        if ast.unparse(node) == "tf.keras":
            yield f"{source.at(node)}: tf.keras"
    for node in source.nodes(ast.ImportFrom):
        if (node.module or "").startswith(("tensorflow.keras", "keras")):
            yield f"{source.at(node)}: from {node.module}"


def test_keras_is_imported_by_its_own_name():
    assert_none(
        offence for source in library() for offence in keras_by_another_name(source)
    )


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
    for name in dir(deeplab):
        getattr(deeplab, name)


def test_unknown_public_name_is_an_attribute_error():
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
