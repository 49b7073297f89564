import argparse

import pytest

from deeplab.cli import doctor


def subjects(findings):
    return {finding.subject: finding for finding in findings}


def test_healthy_machine(tmp_path, capsys):
    assert doctor.run(argparse.Namespace(folder=tmp_path)) == 0
    out = capsys.readouterr().out
    assert "a convolution gives the right result" in out
    assert "tensorflow 2.20" in out
    assert "FAIL" not in out
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    (finding,) = doctor._disk(file / "folder")
    assert finding.level == "FAIL"
    assert "--folder" in finding.advice


def test_full_disk_warns(tmp_path, monkeypatch):
    usage = argparse.Namespace(free=2**30)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    (finding,) = doctor._disk(tmp_path)
    assert finding.level == "warn"
    assert "1.0 GiB free" in finding.detail


@pytest.mark.parametrize(("version", "level"), [((3, 9), "FAIL"), ((3, 12), "ok")])
def test_python_version(monkeypatch, version, level):
    monkeypatch.setattr(doctor.sys, "version_info", (*version, 0))
    (finding,) = doctor._python()
    assert finding.level == level


def test_missing_package_fails_with_advice(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    (finding,) = doctor._packages()
    assert finding.level == "FAIL"
    assert "pip" in finding.advice


def test_one_failure_fails_the_command(tmp_path, monkeypatch, capsys):
    bad = doctor.Finding("FAIL", "disk", "is gone", "find it")
    monkeypatch.setattr(doctor, "examine", lambda folder: iter([bad]))
    assert doctor.run(argparse.Namespace(folder=tmp_path)) == 1
    out = capsys.readouterr().out
    assert "FAIL  disk        is gone\n" in out
    assert "-> find it" in out


def test_features_of_the_processor_are_read(tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx2 amx_bf16\n")
    monkeypatch.setattr(doctor, "Path", lambda _: cpuinfo)
    assert doctor._processor_flags() == {"fpu", "avx2", "amx_bf16"}
