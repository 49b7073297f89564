"""The losses equal the published ones on the recorded inputs."""

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import CenterOffsetOutput, Example
from deeplab.losses import LOSSES
from deeplab.losses.composite import CompositeLoss
from deeplab.protos.trainer_pb2 import LossOptions

RECORD = Path(__file__).parent / "records/components/loss_panoptic_deeplab.npz"
FIELDS = ("semantic_loss", "center_loss", "regression_loss")


@pytest.fixture(scope="module")
def record():
    with np.load(RECORD) as file:
        return dict(file)


@pytest.fixture(scope="module")
def info():
    return DatasetInfo(
        name="record",
        classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
        num_classes=19,
        ignore_label=255,
        label_divisor=1000,
    )


def example_and_output(record):
    example = Example(
        image=None,
        **{
            name: record[f"y_true/{name}"]
            for name in Example._fields
            if f"y_true/{name}" in record
        },
    )
    output = CenterOffsetOutput(
        **{name: record[f"y_pred/{name}"] for name in CenterOffsetOutput._fields}
    )
    return example, output


@pytest.mark.parametrize("field", FIELDS)
def test_term_equals_published(record, info, field):
    options = text_format.Parse(str(record["loss_options"]), LossOptions())
    term = LOSSES.get(field)(getattr(options, field), info)
    weight = getattr(options, field).weight
    value = weight * term(*example_and_output(record)).numpy()
    np.testing.assert_allclose(value, record[f"loss/{field}"], rtol=1e-5)


def test_total_is_the_sum_of_the_published_terms(record, info):
    options = text_format.Parse(str(record["loss_options"]), LossOptions())
    loss = CompositeLoss(
        {
            field: (
                getattr(options, field).weight,
                LOSSES.get(field)(getattr(options, field), info),
            )
            for field in FIELDS
        }
    )
    values = loss(*example_and_output(record))
    expected = sum(record[f"loss/{field}"] for field in FIELDS)
    assert list(values) == [*FIELDS, "total_loss"]
    np.testing.assert_allclose(values["total_loss"], expected, rtol=1e-5)
