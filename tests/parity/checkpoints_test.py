"""Archives in the published layout become predictors that predict what was published.

The whole way that a user of a published model takes: name, archive, model, image.
"""

import numpy as np
import pytest

import deeplab
from deeplab import loading
from deeplab.config import parse_config
from deeplab.zoo.table import entries
from tests.parity import parity
from tests.parity.models import DEAR, assert_equal_but_for_numbering, cost
from tests.parity.published_checkpoint import write_archive
from tests.parity.records import FOLDER, records_in


def published_predictors():
    """Returns parameters (entry, record): the cheapest runs always.

    They are the table's rows whose record shows what a predictor returns: of one
    image, which is not resized.
    """
    records = {record.name: record for record in records_in(FOLDER / "models")}
    found = []
    for entry in entries().values():
        record = records.get(entry.config.replace("/", "__"))
        if record and cost(record) <= DEAR and shows_a_predictor(record.fields):
            found.append((entry, record))
    found.sort(key=lambda pair: cost(pair[1]))
    return [
        pytest.param(
            entry, record, id=entry.name, marks=[pytest.mark.slow] if place else []
        )
        for place, (entry, record) in enumerate(found)
    ]


def shows_a_predictor(fields):
    """Whether a predictor's label map of an image is the one that was recorded."""
    options = parse_config(fields["config_text"]).eval_dataset_options
    return (
        fields["input_shape"][-1] == 3
        and "panoptic_pred" in fields["outputs"]
        and not any(options.min_resize_value)
    )


@pytest.mark.parametrize(("entry", "record"), published_predictors())
def test_published_archive_predicts_what_was_published(
    entry, record, tmp_path, monkeypatch
):
    fields = record.fields
    write_archive(fields["keys"], tmp_path / entry.file)
    monkeypatch.setattr(
        loading, "read_config", lambda _: parse_config(fields["config_text"])
    )
    predictor = deeplab.load(entry.name, cache=tmp_path / "cache", source=str(tmp_path))
    image = parity.input_image(*fields["input_shape"][1:], fields["input_seed"])
    prediction = predictor(image[0].astype(np.uint8))
    classes = fields["outputs"]["semantic_pred"]
    np.testing.assert_array_equal(
        prediction.semantic_pred.reshape(-1)[classes["index"]], classes["value"]
    )
    panoptic = fields["outputs"]["panoptic_pred"]
    assert_equal_but_for_numbering(
        prediction.panoptic_pred.reshape(-1)[panoptic["index"]].astype(np.int64),
        np.array(panoptic["value"], np.int64),
        predictor.info.label_divisor,
    )
