"""The losses equal the published ones on the recorded inputs."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, MaskOutput, Prediction
from deeplab.losses import LOSSES
from deeplab.losses.base import TermOptions
from deeplab.losses.composite import CompositeLoss
from deeplab.protos.trainer_pb2 import LossOptions

RECORDS = Path(__file__).parent / "records/components"
FIELDS = (
    "semantic_loss",
    "center_loss",
    "regression_loss",
    "motion_loss",
    "next_regression_loss",
    "depth_loss",
)
MASK_FIELDS = (
    "semantic_loss",
    "pq_style_loss",
    "mask_id_cross_entropy_loss",
    "instance_discrimination_loss",
)


def read(name):
    with np.load(RECORDS / f"{name}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def record():
    return read("loss_panoptic_deeplab")


@pytest.fixture(scope="module")
def info():
    return DatasetInfo(
        name="record",
        classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
        num_classes=19,
        ignore_label=255,
        label_divisor=1000,
        ignore_depth=0.0,
    )


def build(record, field, info):
    """Returns the weight and the term of a record's options."""
    options = getattr(
        text_format.Parse(str(record["loss_options"]), LossOptions()), field
    )
    term = TermOptions(options.name, options.weight, options.top_k_percent)
    return options.weight, LOSSES.get(field)(term, info)


def example_and_output(record, kind=Prediction):
    example = Example(
        image=None,
        **{
            name: record[f"y_true/{name}"]
            for name in Example._fields
            if f"y_true/{name}" in record
        },
    )
    output = kind(
        **{
            name: tf.constant(record[f"y_pred/{name}"])
            for name in kind._fields
            if f"y_pred/{name}" in record
        }
    )
    return example, output


@pytest.mark.parametrize("field", FIELDS)
def test_term_equals_published(record, info, field):
    weight, term = build(record, field, info)
    value = weight * term(*example_and_output(record)).numpy()
    np.testing.assert_allclose(value, record[f"loss/{field}"], rtol=1e-5)


def test_total_is_the_sum_of_the_published_terms(record, info):
    loss = CompositeLoss({field: build(record, field, info) for field in FIELDS})
    values = loss(*example_and_output(record))
    expected = record["loss/total_loss"]
    assert list(values) == [*FIELDS, "total_loss"]
    np.testing.assert_allclose(values["total_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_mask_losses_equal_published(info, jit_compile):
    record = read("loss_max_deeplab")
    loss = CompositeLoss({f: build(record, f, info) for f in MASK_FIELDS})
    values = tf.function(loss, jit_compile=jit_compile)(
        *example_and_output(record, MaskOutput)
    )
    published = {
        name.removeprefix("loss/"): value
        for name, value in record.items()
        if name.startswith("loss/")
    }
    assert set(values) == set(published) == set(loss.names)
    for name, value in published.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, err_msg=name)
