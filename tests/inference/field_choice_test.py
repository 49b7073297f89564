"""Which fields are wanted."""

import pytest

from deeplab.core.structures import PREDICTION_FIELDS, Prediction, present
from deeplab.inference.field_choice import (
    chosen_fields,
    fields_where,
    served_fields,
)

EVERYTHING = Prediction(*([0.0] for _ in Prediction._fields))


class EverythingModel:
    input_channels = 3

    def __call__(self, images, training):
        assert images.shape[-1] == 3
        assert not training
        return EVERYTHING


def test_what_an_exported_model_returns_by_default():
    assert set(served_fields(EverythingModel(), ())) == {
        "semantic_pred",
        "panoptic_pred",
        "instance_pred",
        "instance_scores",
        "next_panoptic_pred",
        "depth_pred",
        "class_pred",
        "class_probs",
    }


def test_given_fields_are_served_in_their_order():
    fields = ["semantic_probs", "semantic_pred"]
    assert served_fields(EverythingModel(), fields) == tuple(fields)
    chosen = chosen_fields(EVERYTHING, fields)
    assert set(present(chosen)) == set(fields)


@pytest.mark.parametrize(
    "field",
    [
        "pixel_space_mask_logits",
        "transformer_class_logits",
        "pixel_space_normalized_feature",
        "auxiliary_semantic_logits",
    ],
)
def test_what_is_no_map_of_the_image_is_not_served(field):
    assert field not in present(chosen_fields(EVERYTHING, None))
    for ask in (
        lambda: chosen_fields(EVERYTHING, [field]),
        lambda: served_fields(EverythingModel(), [field]),
    ):
        with pytest.raises(ValueError, match=f"does not predict {field}; it predicts"):
            ask()


def test_fields_by_a_condition_on_their_records():
    found = present(fields_where(EVERYTHING, lambda record: record.is_evaluated))
    assert found.keys() == {
        name for name, record in PREDICTION_FIELDS.items() if record.is_evaluated
    }
    assert not [name for name in found if name.endswith("logits")]
    assert "class_pred" in found
