import argparse

from deeplab.cli import doctor
from deeplab.inspection.machine import Finding


def test_healthy_machine(tmp_path, capsys):
    assert doctor.run(argparse.Namespace(folder=tmp_path)) == 0
    out = capsys.readouterr().out
    assert "a convolution gives the right result" in out
    assert "tensorflow 2.20" in out
    assert "FAIL" not in out
    assert list(tmp_path.iterdir()) == []


def test_one_failure_fails_the_command(tmp_path, monkeypatch, capsys):
    bad = Finding("FAIL", "disk", "is gone", "find it")
    monkeypatch.setattr(doctor, "examine", lambda folder: iter([bad]))
    assert doctor.run(argparse.Namespace(folder=tmp_path)) == 1
    out = capsys.readouterr().out
    assert "FAIL  disk        is gone\n" in out
    assert "-> find it" in out
