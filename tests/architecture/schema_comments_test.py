"""Every message and field of the schemas says what it means."""

import re
from pathlib import Path

import pytest

SCHEMAS = sorted((Path(__file__).parents[2] / "protos").glob("*.proto"))
DECLARATION = re.compile(
    r"^\s*(message|oneof|optional|repeated)\s+\S+"
    r"|^\s*\w+ \w+ = \d+;"  # A member of a oneof.
)


def undocumented(lines):
    return [
        line.strip()
        for before, line in zip(["", *lines], lines, strict=False)
        if DECLARATION.match(line) and not before.strip().startswith("//")
    ]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda p: p.name)
def test_every_declaration_has_a_comment(path):
    lines = path.read_text().splitlines()
    assert sum(bool(DECLARATION.match(line)) for line in lines) > 1
    assert undocumented(lines) == []


def test_missing_comment_is_found():
    lines = ["// Says something.", "message A {", "  optional int32 b = 1;", "}"]
    assert undocumented(lines) == ["optional int32 b = 1;"]
