"""Every message and field of the schemas says what it means."""

import re

from tests.architecture.sources import ROOT, assert_none

SCHEMAS = sorted((ROOT / "protos").glob("*.proto"))
DECLARATION = re.compile(
    r"^\s*(message|oneof|optional|repeated)\s+\S+"
    r"|^\s*\w+ \w+ = \d+;"  # A member of a oneof.
)


def undocumented(lines):
    """Returns the number and the text of every line without a comment above it."""
    return [
        (number, line.strip())
        for number, (before, line) in enumerate(
            zip(["", *lines], lines, strict=False), 1
        )
        if DECLARATION.match(line) and not before.strip().startswith("//")
    ]


def test_every_declaration_has_a_comment():
    files = {path.name: path.read_text().splitlines() for path in SCHEMAS}
    assert_none(
        f"protos/{name}: declares nothing"
        for name, lines in files.items()
        if sum(bool(DECLARATION.match(line)) for line in lines) <= 1
    )
    assert_none(
        f"protos/{name}:{number}: {line}"
        for name, lines in files.items()
        for number, line in undocumented(lines)
    )


def test_missing_comment_is_found():
    lines = ["// Says something.", "message A {", "  optional int32 b = 1;", "}"]
    assert undocumented(lines) == [(3, "optional int32 b = 1;")]
