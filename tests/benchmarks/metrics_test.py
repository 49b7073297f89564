"""The table of metrics beside the official tools, small."""

import re
import sys

import pytest

from benchmarks import metrics
from deeplab.datasets import DATASETS

INFO = DATASETS.get("cityscapes_panoptic")().info
COUNT = 6
ROWS = [
    *("panoptic_quality: tool panopticapi, files",),
    *("panoptic_quality: tool cityscapesscripts, files",),
    *("mean_iou: tool cityscapesscripts, files", "instance_ap: tool pycocotools"),
    *("cityscapes_instance_ap: tool cityscapesscripts, files",),
    *(f"{name}: definition" for name in ("top_k_accuracy", *metrics.DEFINED)),
]


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory):
    frames = metrics.drawn_frames(60, 100, 10, COUNT)
    folder = tmp_path_factory.mktemp("files")
    found = metrics.comparisons(frames, INFO, folder)
    return {f"{c.metric}: {c.against}": c for c in found}


@pytest.mark.parametrize("row", ROWS)
def test_equals_the_official_values(comparisons, row):
    result = metrics.compare(comparisons[row], repeats=1)
    if result.official is None:
        pytest.skip(f"{row}: not installed")
    assert len(result.official) > 1
    assert any(value > 1 for value in result.official.values())
    assert result.difference() < 1e-9


def test_every_comparison_is_tested(comparisons):
    assert set(comparisons) == set(ROWS)


def test_a_missing_tool_is_named_in_its_row(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    options = {"height": 30, "width": 40, "instances": 6, "frames": 4, "repeats": 1}
    words = [w for k, v in options.items() for w in (f"--{k}", str(v))]
    monkeypatch.setattr(sys, "argv", ["metrics.py", *words])
    monkeypatch.setattr(metrics, "use_one_core", lambda: None)
    metrics.main()
    out = capsys.readouterr().out
    assert re.search(r"instance_ap +tool pycocotools .*not installed", out)
    assert re.search(r"stq +definition +\d+ +\S+ +\S+ +\S+e[+-]\d+ .* ms +\d", out)
