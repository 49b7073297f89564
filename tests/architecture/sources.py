"""The Python files that the rules are about, each read and parsed once."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Source(NamedTuple):
    """A file: its path from the root, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self):
        """The folder inside the package that holds the file."""
        return self.path.parts[1]

    def at(self, node):
        """Returns where a node stands, as editors and terminals link to it."""
        return f"{self.path}:{node.lineno}"

    def nodes(self, *kinds):
        """Returns the nodes of the tree that are of one of the kinds."""
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]


@cache
def below(folder):
    """Returns the files below a folder, without those compiled from schemas."""
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        if not path.name.endswith("_pb2.py"):
            text = path.read_text()
            found.append(Source(path.relative_to(ROOT), text, ast.parse(text)))
    assert found
    return tuple(found)


def library():
    """Returns the files of the package."""
    return below("deeplab")


def everything():
    """Returns the files of the package, its tests and its benchmarks."""
    return (*below("deeplab"), *below("tests"), *below("benchmarks"))


def assert_none(offences):
    """Fails with one line for every offence, "path:line: what is wrong"."""
    found = list(offences)
    assert not found, "\n".join([f"{len(found)} found:", *found])
