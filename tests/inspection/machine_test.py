import argparse

import pytest

from deeplab.inspection import machine


def test_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    (finding,) = machine.check_disk(file / "folder")
    assert finding.level == "FAIL"
    assert "--folder" in finding.advice


def test_full_disk_warns(tmp_path, monkeypatch):
    usage = argparse.Namespace(free=2**30)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    (finding,) = machine.check_disk(tmp_path)
    assert finding.level == "warn"
    assert "1.0 GiB free" in finding.detail


@pytest.mark.parametrize(("version", "level"), [((3, 9), "FAIL"), ((3, 12), "ok")])
def test_python_version(monkeypatch, version, level):
    monkeypatch.setattr(machine.sys, "version_info", (*version, 0))
    (finding,) = machine.check_python()
    assert finding.level == level


def test_missing_package_fails_with_advice():
    (finding,) = machine.check_packages(["no-such-package"])
    assert finding.level == "FAIL"
    assert "pip" in finding.advice


def test_features_of_the_processor_are_read(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    assert machine.processor_flags(cpuinfo) == set()
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx2 amx_bf16\n")
    assert machine.processor_flags(cpuinfo) == {"fpu", "avx2", "amx_bf16"}


def test_schemas_and_memory_of_this_machine_are_fine():
    for check in (machine.check_schemas, machine.check_memory):
        assert {finding.level for finding in check()} <= {"ok", "warn"}
