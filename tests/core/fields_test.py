"""The records of the fields of examples and predictions."""

from typing import Annotated, Any, NamedTuple

import pytest

from deeplab.core import structures
from deeplab.core.fields import (
    ExampleField,
    Extent,
    Kind,
    Padding,
    PredictionField,
    Side,
    records,
)
from deeplab.core.structures import (
    EXAMPLE_FIELDS,
    PREDICTION_FIELDS,
    CenterOffsetOutput,
    Example,
    Prediction,
    map_fields,
    present,
)

OUTPUTS = [
    value
    for name, value in vars(structures).items()
    if name.endswith("Output") and isinstance(value, type)
]


def test_every_field_has_a_record():
    assert tuple(EXAMPLE_FIELDS) == Example._fields
    assert tuple(PREDICTION_FIELDS) == Prediction._fields
    assert all(isinstance(r, ExampleField) for r in EXAMPLE_FIELDS.values())
    assert all(isinstance(r, PredictionField) for r in PREDICTION_FIELDS.values())


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.__name__)
def test_outputs_have_fields_of_a_prediction(output):
    assert set(output._fields) <= set(PREDICTION_FIELDS)


def test_a_field_without_a_record_is_named():
    class Forgetful(NamedTuple):
        first: Annotated[Any, ExampleField()]
        second: Any

    with pytest.raises(TypeError, match=r"Forgetful\.second has no record"):
        records(Forgetful)


def test_a_softmax_is_of_logits_of_the_same_extent():
    for record in PREDICTION_FIELDS.values():
        if record.softmax_of:
            logits = PREDICTION_FIELDS[record.softmax_of]
            assert record.kind is Kind.PROBABILITIES
            assert logits.kind is Kind.LOGITS
            assert (record.extent, record.channels) == (logits.extent, logits.channels)


@pytest.mark.parametrize(
    ("record", "rank"),
    [
        (PredictionField(Kind.IDS), 3),
        (PredictionField(Kind.LOGITS, channels=True), 4),
        (PredictionField(Kind.IDS, Extent.IMAGE), 1),
        (PredictionField(Kind.LOGITS, Extent.IMAGE, channels=True), 2),
        (PredictionField(Kind.LOGITS, Extent.OWN, channels=True), -1),
    ],
)
def test_rank(record, rank):
    assert record.rank == rank


@pytest.mark.parametrize(
    ("kind", "smooth", "evaluated"),
    [
        (Kind.LOGITS, True, False),
        (Kind.PROBABILITIES, True, True),
        (Kind.OFFSETS, True, True),
        (Kind.HEATMAP, True, True),
        (Kind.DEPTH, True, True),
        (Kind.SCORES, False, True),
        (Kind.IDS, False, True),
        (Kind.EMBEDDING, False, True),
    ],
)
def test_what_follows_from_kind_and_extent(kind, smooth, evaluated):
    pixels, whole, own = (PredictionField(kind, extent) for extent in Extent)
    assert (pixels.is_resized, whole.is_resized, own.is_resized) == (True, False, False)
    assert (pixels.can_be_served, whole.can_be_served, own.can_be_served) == (
        True,
        True,
        False,
    )
    for record in (pixels, whole):
        assert record.is_smooth == record.can_be_averaged == smooth
        assert record.is_evaluated == evaluated
    assert not own.can_be_averaged
    assert not own.is_evaluated


def test_strings_and_what_is_as_stored_stay_on_the_host():
    host = {name for name, r in EXAMPLE_FIELDS.items() if r.side is Side.HOST}
    assert host >= {"image_filename", "sequence_id", "frame_id"}
    assert host >= {name for name, r in EXAMPLE_FIELDS.items() if r.as_stored}
    assert not [name for name in host if name.endswith("_gt")]


def test_metrics_and_writers_get_the_host_part_the_image_and_its_class():
    kept = {name for name, record in EXAMPLE_FIELDS.items() if record.is_kept}
    host = {name for name, r in EXAMPLE_FIELDS.items() if r.side is Side.HOST}
    assert kept == host | {"image", "class_gt"}


def test_labels_are_padded_with_nothing():
    for name, padding in {
        "image": Padding.MEAN_PIXEL,
        "semantic_gt": Padding.IGNORE_LABEL,
        "semantic_raw": Padding.IGNORE_LABEL,
        "panoptic_gt": Padding.VOID,
        "panoptic_raw": Padding.VOID,
        "next_panoptic_raw": Padding.VOID,
        "depth_gt": Padding.IGNORE_DEPTH,
        "depth_raw": Padding.IGNORE_DEPTH,
        "thing_id_mask_gt": Padding.NO_INSTANCE,
        "semantic_loss_weight": Padding.ZERO,
    }.items():
        assert EXAMPLE_FIELDS[name].padding is padding, name


def test_present_leaves_out_what_is_absent():
    assert present(Prediction(semantic_pred=1, class_pred=0)) == {
        "semantic_pred": 1,
        "class_pred": 0,
    }


def test_map_fields_takes_record_and_value_of_what_is_there():
    output = CenterOffsetOutput(1, 2, 3)
    seen = {}

    def double(record, value):
        seen[value] = record
        return 2 * value

    assert map_fields(double, output) == CenterOffsetOutput(2, 4, 6)
    assert seen == {
        1: PREDICTION_FIELDS["semantic_logits"],
        2: PREDICTION_FIELDS["center_heatmap"],
        3: PREDICTION_FIELDS["offset_map"],
    }
    doubled = map_fields(double, Prediction(depth_pred=5))
    assert doubled == Prediction(depth_pred=10)
