"""The scores of Cityscapes, from files to numbers, are those of its own tools."""

import json

import pytest

from deeplab.evaluation.stored_predictions import evaluate, match
from deeplab.predictions import FORMATS
from tests.metrics import official_cityscapes as official


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cityscapes")
    official.write(folder)
    return folder


def ours(folder, metric):
    name = official.FORMAT_OF[metric]
    layout = FORMATS.get(name)()
    truth, predicted = (
        layout.read(place(folder, name), official.INFO)
        for place in (official.truth_in, official.predictions_in)
    )
    results = evaluate(match(truth, predicted), official.INFO, [metric])
    return {key.removeprefix(f"{metric}/"): v for key, v in results.items()}


@pytest.mark.parametrize("metric", official.FORMAT_OF)
def test_equals_what_the_official_tool_said(folder, metric):
    expected = json.loads(official.NUMBERS.read_text())[metric]
    found = ours(folder, metric)
    assert {k: found[k] for k in expected} == pytest.approx(expected, rel=0, abs=1e-9)
    per_class = {k for k in found if "/" in k and k.startswith(("ap", "iou", "pq"))}
    assert per_class <= set(expected)


def test_the_official_tool_still_says_so(folder):
    pytest.importorskip(
        "cityscapesscripts",
        reason="pip install --no-deps cityscapesscripts pyquaternion appdirs",
    )
    expected = json.loads(official.NUMBERS.read_text())
    for metric, numbers in official.official_numbers(folder).items():
        assert numbers == pytest.approx(expected[metric], rel=0, abs=1e-12)
