"""Apache Beam against this machine; without the extra, only what then is said."""

import dataclasses
import functools
import json
import sys
from pathlib import Path

import pytest

from deeplab.cli.main import main
from deeplab.data import shard_file
from deeplab.data.shards import write_shards
from deeplab.datasets.base import RawImage
from deeplab.datasets.toy_street.images import ToyStreet
from tests.datasets import trees

TOY = ["convert", "toy_street", "--images", "5", "--height", "33", "--width", "65"]
TOY += ["--shards", "3", "--output"]


def scenes(count=6):
    return ToyStreet(images=count, height=33, width=65).read(Path(), "train")


def write(folder, images=None, **options):
    given = {"split": "train", "num_shards": 3, "workers": 1, "settings": {}}
    images = scenes() if images is None else images
    return write_shards(images, folder, **{**given, **options})


def direct_runner():
    reason = "the extra `beam` is not installed"
    pytest.importorskip("apache_beam", reason=reason)
    from deeplab.data.beam_runner import BeamRunner

    return BeamRunner("DirectRunner")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_command_writes_the_same_bytes_as_this_machine(tmp_path):
    """Manifests with their checksums, and nothing beside them, are equal, too."""
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    assert main([*TOY, str(tmp_path / "beam"), "--runner", "DirectRunner"]) == 0
    assert main([*TOY, str(tmp_path / "local"), "--workers", "1"]) == 0
    found = content(tmp_path / "beam")
    assert len(found) == 4
    assert found == content(tmp_path / "local")


def test_worker_processes(tmp_path):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    options = ["direct_running_mode=multi_processing", "direct_num_workers=2"]
    arguments = [*TOY, str(tmp_path / "beam"), "--runner", "DirectRunner"]
    assert main([*arguments, "--runner_options", *options]) == 0
    assert main([*TOY, str(tmp_path / "local"), "--workers", "1"]) == 0
    assert content(tmp_path / "beam") == content(tmp_path / "local")


def test_broken_images_are_named_and_finished_shards_kept(tmp_path):
    runner = direct_runner()
    load = functools.partial(trees.broken_image, "street.png: broken")
    images = [*scenes(2), RawImage("x", load, "street.png")]
    with pytest.raises(ValueError, match=r"street\.png: broken"):
        write(tmp_path, images, runner=runner)
    noted = len(list(tmp_path.glob(".train-*.json")))
    images[2] = dataclasses.replace(scenes(3)[2], name="x")
    assert write(tmp_path, images, runner=runner).kept == noted
    assert not list(tmp_path.glob(".*"))


def test_runners_that_do_not_exist(tmp_path, capsys):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    assert main([*TOY, str(tmp_path), "--runner", "FlincRunner"]) == 2
    assert "FlincRunner" in capsys.readouterr().err


def test_without_beam(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert main([*TOY, str(tmp_path), "--runner", "DirectRunner"]) == 2
    assert "pip install 'deeplab[beam]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def as_a_worker(todo):
    """Stops after two shards, as a pipeline whose driver was killed."""
    for path, images in list(todo.items())[:2]:
        shard_file.write_noted_shard(str(path), images)
    raise KeyboardInterrupt


def test_what_workers_finished_counts_after_a_kill(tmp_path):
    """Their notes stand in for the manifest that the killed driver did not write."""
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "broken", runner=as_a_worker)
    manifest = json.loads((tmp_path / "broken/train.manifest.json").read_text())
    assert manifest["shards"] == []
    with pytest.raises(ValueError, match=r"other settings \(seed\)"):
        write(tmp_path / "broken", settings={"seed": 1})
    assert write(tmp_path / "broken").kept == 2
    write(tmp_path / "whole")
    assert content(tmp_path / "broken") == content(tmp_path / "whole")


def test_overwriting_removes_notes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, runner=as_a_worker)
    assert write(tmp_path, overwrite=True, num_shards=2).kept == 0
    assert len(content(tmp_path)) == 3


def test_a_broken_note_is_named(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, runner=as_a_worker)
    next(tmp_path.glob(".*.json")).write_text("{")
    with pytest.raises(ValueError, match=r"json: not the note of a shard"):
        write(tmp_path)
