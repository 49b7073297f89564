import pytest

from deeplab.cli import benchmark
from deeplab.cli.main import main

SCRIPT = '''"""{title}."""
import sys

if __name__ == "__main__":
    print("measured")
    sys.exit({status})
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "fast.py").write_text(SCRIPT.format(title="Times this", status=0))
    (tmp_path / "slow.py").write_text(SCRIPT.format(title="Times that", status=3))
    (tmp_path / "parts.py").write_text("VALUE = 1\n")
    monkeypatch.setattr(benchmark, "FOLDER", tmp_path)
    return tmp_path


def test_lists_programs_only(folder, capsys):
    assert main(["benchmark", "--list"]) == 0
    out = capsys.readouterr().out
    assert out == "== fast: Times this.\n== slow: Times that.\n"


def test_runs_by_name(folder, capfd):
    assert main(["benchmark", "fast"]) == 0
    out = capfd.readouterr().out
    assert "measured" in out
    assert "slow" not in out


def test_failure_is_the_status_of_all(folder):
    assert main(["benchmark"]) == 3


def test_unknown_name(folder, capsys):
    assert main(["benchmark", "fats"]) == 2
    assert "did you mean 'fast'?" in capsys.readouterr().err


def test_outside_of_a_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "FOLDER", tmp_path / "benchmarks")
    assert main(["benchmark"]) == 2
    assert "part of a checkout" in capsys.readouterr().err
