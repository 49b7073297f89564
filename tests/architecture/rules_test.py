"""The rules find what breaks them: each on a few lines written for it."""

import ast
from pathlib import Path

import pytest

from tests.architecture.files_test import body_lines, dangers
from tests.architecture.imports_test import keras_by_another_name, schemas_too_deep
from tests.architecture.sources import Source, assert_none


def source(text, path="deeplab/heads/x.py"):
    return Source(Path(path), text, ast.parse(text))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("run('ls', shell=True)", "shell=True"),
        ("np.load(f, allow_pickle=True)", "allow_pickle=True"),
        ("eval('1')", "eval"),
        ("import pickle", "imports pickle"),
        ("from pickle import loads", "imports pickle"),
        ("import tensorflow_models", "imports tensorflow_models"),
    ],
)
def test_dangers(line, found):
    assert list(dangers(source(f"x = 1\n{line}"))) == [f"deeplab/heads/x.py:2: {found}"]
    assert list(dangers(source("run('ls', shell=False)\nliteral_eval('1')"))) == []


@pytest.mark.parametrize(
    "line", ["tf.keras.layers.Dense(1)", "from tensorflow.keras import layers"]
)
def test_keras_by_another_name(line):
    assert len(list(keras_by_another_name(source(line)))) == 1
    assert list(keras_by_another_name(source("import tf_keras"))) == []


SCHEMA = "from deeplab.protos.model_pb2 import ModelOptions\n"


def test_schemas_too_deep():
    method = SCHEMA + "class A:\n  def __init__(self, *, options: ModelOptions): pass"
    assert "A.__init__ takes ModelOptions" in next(schemas_too_deep(source(method)))
    builder = source(SCHEMA + "def build(options: ModelOptions): pass")
    assert list(schemas_too_deep(builder)) == []
    (offence,) = schemas_too_deep(source(SCHEMA, "deeplab/layers/x.py"))
    assert "imports ModelOptions" in offence


def test_lines_of_a_function_are_those_of_its_statements():
    text = 'def f(\n  a,\n):\n  """Does.\n\n  More.\n  """\n  a += 1\n\n  return a'
    (function,) = ast.parse(text).body
    assert body_lines(function) == 3


def test_all_offences_are_listed():
    with pytest.raises(AssertionError, match=r"2 found:\na\.py:1: x\nb\.py:2: y"):
        assert_none(iter(["a.py:1: x", "b.py:2: y"]))
