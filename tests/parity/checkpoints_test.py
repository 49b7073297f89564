"""Archives in the published layout become predictors that predict what was published.

The whole way that a user of a published model takes: name, archive, model, image.
"""

from pathlib import Path

import numpy as np
import pytest

import deeplab
from deeplab import loading
from deeplab.config import parse_config
from deeplab.zoo.table import find
from tests.parity import parity
from tests.parity.models_test import assert_equal_but_for_numbering
from tests.parity.published_checkpoint import write_archive

RECORDS = Path(__file__).parent / "records/models"
SMALL = "mobilenet_v3_small_os16_panoptic_deeplab_cityscapes_dwo"
# One of each architecture, none of which resizes its images.
LARGE = ("resnet50_os32_panoptic_deeplab_cityscapes_trainfine",)


@pytest.mark.parametrize(
    "name", [SMALL, *(pytest.param(n, marks=pytest.mark.slow) for n in LARGE)]
)
def test_published_archive_predicts_what_was_published(name, tmp_path, monkeypatch):
    entry = find(name)
    record = parity.read_record(RECORDS / f"{entry.config.replace('/', '__')}.json.gz")
    write_archive(record["keys"], tmp_path / entry.file)
    monkeypatch.setattr(
        loading, "read_config", lambda _: parse_config(record["config_text"])
    )
    predictor = deeplab.load(name, cache=tmp_path / "cache", source=str(tmp_path))
    image = parity.input_image(*record["input_shape"][1:], record["input_seed"])
    prediction = predictor(image[0].astype(np.uint8))
    classes = record["outputs"]["semantic_pred"]
    np.testing.assert_array_equal(
        prediction.semantic_pred.reshape(-1)[classes["index"]], classes["value"]
    )
    panoptic = record["outputs"]["panoptic_pred"]
    assert_equal_but_for_numbering(
        prediction.panoptic_pred.reshape(-1)[panoptic["index"]].astype(np.int64),
        np.array(panoptic["value"], np.int64),
        predictor.info.label_divisor,
    )
