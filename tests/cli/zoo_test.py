import json
import os
import subprocess
import sys

import pytest

from deeplab.cli.main import main
from deeplab.zoo.table import entries
from tests.zoo.server import serving

NAME = "kmax_resnet50_coco_train"


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """Runs the command with a cache of its own, and served copies of the files."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name in (NAME, "resnet50_imagenet1k"):
        (folder / f"{name}.tar.gz").write_bytes(name.encode())
    monkeypatch.setenv("DEEPLAB_CACHE", str(tmp_path / "cache"))
    with serving(folder) as server:
        monkeypatch.setenv("DEEPLAB_ZOO_SOURCE", server.address)
        yield lambda *words: main(["zoo", *words])


def test_list(zoo, capsys):
    assert zoo("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *entries()]
    assert zoo("list", "kMaX", "cityscapes", "convnext-l") == 0
    out = capsys.readouterr().out
    assert "kmax_convnext_large_cityscapes_train" in out
    assert "PQ 68.4" in out
    assert len(out.splitlines()) == 2
    assert zoo("list", "resnet", "sheep") == 2
    assert "has the words resnet sheep" in capsys.readouterr().err


def test_list_for_programs(zoo, capsys):
    assert zoo("list", "--json", "convnext_tiny_coco") == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["config"] == "coco/kmax_deeplab/kmax_meta_convnext_tiny_os32"
    assert entry["image_size"] == [1281, 1281]


def test_info_before_and_after_fetch(zoo, capsys, tmp_path):
    assert zoo("info", NAME) == 0
    out = capsys.readouterr().out
    assert "configs/coco/kmax_deeplab/kmax_meta_r50_os32.textproto" in out
    assert "arxiv.org/abs/2207.04044" in out
    assert "pinned when it is first fetched" in out
    assert "val PQ, official" in out
    assert zoo("fetch", NAME) == 0
    path = tmp_path / "cache" / f"{NAME}.tar.gz"
    assert capsys.readouterr().out == f"{path}\n"
    assert zoo("info", NAME) == 0
    assert str(path) in capsys.readouterr().out


def test_info_of_weights_to_start_from(zoo, capsys):
    assert zoo("info", "resnet50_imagenet1k") == 0
    assert "initial_checkpoint" in capsys.readouterr().out


def test_fetch_several_from_elsewhere(zoo, capsys, tmp_path):
    words = ["--source", str(tmp_path / "served"), "--cache", str(tmp_path / "other")]
    assert zoo("fetch", NAME, "resnet50_imagenet1k", *words) == 0
    assert capsys.readouterr().out.count(str(tmp_path / "other")) == 2


def test_wrong_name_is_told_before_anything_is_fetched(zoo, capsys, tmp_path):
    assert zoo("fetch", NAME, "kmax_resnet50_coco") == 2
    assert f"did you mean '{NAME}'" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()


def test_absent_file_is_one_line(zoo, capsys):
    assert zoo("fetch", "kmax_maxs_gelu_coco_train") == 2
    err = capsys.readouterr().err
    assert "answers 404" in err
    assert "Traceback" not in err


def test_it_needs_no_tensorflow(tmp_path):
    code = (
        "import sys; from deeplab.cli.main import main; "
        f"main(['zoo', 'info', {NAME!r}]); print('tensorflow' in sys.modules)"
    )
    environment = {**os.environ, "DEEPLAB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.stdout.splitlines()[-1] == "False"
