import sys

import pytest

from deeplab.registry import Registry


@pytest.fixture
def animals(tmp_path, monkeypatch):
    """A registry over a package of two modules on disk."""
    package = tmp_path / "zoo_of_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from deeplab.registry import Registry\n"
        "ANIMALS = Registry('animal', __name__, ['cat', 'dog'])\n"
    )
    for name in ("cat", "dog"):
        (package / f"{name}.py").write_text(
            "from zoo_of_test import ANIMALS\n"
            f"@ANIMALS.register('{name}')\ndef build(): return '{name} built'\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    import zoo_of_test

    yield zoo_of_test.ANIMALS
    for module in [m for m in sys.modules if m.startswith("zoo_of_test")]:
        del sys.modules[module]


def test_members_are_imported_when_asked_for(animals):
    assert "zoo_of_test.cat" not in sys.modules
    assert animals.get("cat")() == "cat built"
    assert animals.names() == ["cat", "dog"]


def test_unknown_name_lists_nearest(animals):
    with pytest.raises(ValueError, match=r"unknown animal 'cot'; did you mean cat\?"):
        animals.get("cot")


def test_unknown_name_without_neighbour_lists_all(animals):
    with pytest.raises(ValueError, match="known: cat, dog"):
        animals.get("elephant")


def test_name_is_matched_exactly(animals):
    with pytest.raises(ValueError, match="unknown animal"):
        animals.get("Cat")


def test_second_registration_is_refused():
    registry = Registry("thing", "nowhere", [])
    registry.register("a")(1)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("a")(2)
