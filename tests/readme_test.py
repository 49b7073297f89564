"""What README and the pages in g3doc show is run, or at least parsed."""

import argparse
import importlib
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deeplab.cli.main import COMMANDS, main
from deeplab.config import ConfigError, read_config
from deeplab.protos import config_pb2

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "g3doc").rglob("*.md")),
    *sorted((ROOT / "model_zoo").glob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED_PATH = re.compile(r"`((?:configs|deeplab|tests|protos|benchmarks)/[^`<*]*)`")
OPTION = re.compile(r"`(?:[\w.]+ \{ )?(\w+): [^`]*`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(path, language):
    return [text for kind, text in FENCE.findall(path.read_text()) if kind == language]


def shell_lines(path):
    """Yields the words of every command in the blocks without a language."""
    for block in blocks(path, ""):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(("deeplab ", "make ", "python ")):
                yield shlex.split(line, comments=True)


def commands(program):
    """Returns (page, words) of every command of a program."""
    found = [
        (relative(path), words)
        for path in PAGES
        for words in shell_lines(path)
        if words[0] == program
    ]
    assert found
    return found


def relative(path):
    return str(path.relative_to(ROOT))


def test_links_lead_somewhere():
    broken = []
    for path in PAGES:
        # Code may hold brackets of its own; a link's text may be code.
        text = re.sub(r"(?<!\[)`[^`\n]*`", "", path.read_text())
        for target in LINK.findall(text):
            is_page = target.startswith(("http://", "https://"))
            if not is_page and not (path.parent / target).exists():
                broken.append(f"{relative(path)}: {target}")
    assert not broken, "\n".join(broken)


def problem_of_command(words):
    """Returns what the command line says against a command; None if it takes it."""
    try:
        if words[1:2] and words[1] in COMMANDS:
            module = importlib.import_module(f"deeplab.cli.{COMMANDS[words[1]]}")
            parser = argparse.ArgumentParser(exit_on_error=False)
            module.add_arguments(parser)
            parser.parse_args(words[2:])
        else:
            main(words[1:])
    except argparse.ArgumentError as error:
        return str(error)
    except SystemExit as end:
        return f"exits with {end.code}" if end.code else None
    return None


def test_commands_are_understood():
    problems = [
        f"{page}: {shlex.join(words)}: {problem}"
        for page, words in commands("deeplab")
        if (problem := problem_of_command(words))
    ]
    assert not problems, "\n".join(problems)


def test_an_option_that_is_not_there_is_found():
    known = ["deeplab", "train", "--config_file=x"]
    assert problem_of_command(known) is None
    assert problem_of_command([*known, "--nowhere=1"])
    assert problem_of_command(["deeplab", "trian"])


def test_configs_and_fields_exist():
    problems = []
    for page, words in commands("deeplab"):
        files = [w.partition("=")[2] for w in words if w.startswith("--config_file=")]
        changes = [b for a, b in itertools.pairwise(words) if a == "--set"]
        for file in files:
            if file.startswith("configs/"):
                try:
                    read_config(ROOT / file, changes)
                except ConfigError as error:
                    problems.append(f"{page}: {shlex.join(words)}: {error}")
    assert not problems, "\n".join(problems)


def test_make_targets_exist():
    targets = {target for _, words in commands("make") for target in words[1:]}
    result = subprocess.run(
        ["make", "--dry-run", *sorted(targets)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_named_paths_exist():
    missing = [
        f"{relative(path)}: {name}"
        for path in PAGES
        for name in NAMED_PATH.findall(path.read_text())
        if not (ROOT / name).exists()
    ]
    assert not missing, "\n".join(missing)


def test_python_compiles():
    for path in PAGES:
        for block in blocks(path, "python"):
            compile(block, relative(path), "exec")


def fields_of(descriptor):
    names = set()
    for field in descriptor.fields:
        names.add(field.name)
        if field.message_type is not None:
            names |= fields_of(field.message_type)
    return names


def test_named_options_exist():
    known = fields_of(config_pb2.ExperimentOptions.DESCRIPTOR)
    shown = {name for path in PAGES for name in OPTION.findall(path.read_text())}
    assert shown
    assert shown <= known


@pytest.mark.slow
def test_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--quick"]) == 0
    (block,) = blocks(ROOT / "README.md", "python")
    out = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, check=True
    ).stdout
    shares = [float(line.split()[-1].rstrip("%")) for line in out.splitlines()]
    assert len(shares) == 8
    assert 0 < sum(shares) <= 100.5
