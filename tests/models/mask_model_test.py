"""The model of masks around a tiny backbone and head."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.core.structures import MaskOutput, present
from deeplab.inference.image_inference import ImageInference
from deeplab.inference.undo import undo_preprocessing
from deeplab.models.scales import InferenceScales
from deeplab.postprocess import POSTPROCESSORS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.e2e.tiny_experiment import TinyBackbone
from tests.heads import tiny_masks
from tests.models.assembled import assemble
from tests.numbered import numbered_dataset

INFO = numbered_dataset(5)
MAPS = {
    "panoptic_pred",
    "semantic_pred",
    "instance_pred",
    "instance_scores",
    "semantic_scores",
}
EVALUATION = EvaluatorOptions(
    transformer_class_confidence_threshold=0.1, pixel_confidence_threshold=0.05
)


def build(**arguments):
    return assemble(
        TinyBackbone(NormConfig(), 1.0),
        tiny_masks.TinyMaskHead(5, 6),
        postprocess=POSTPROCESSORS.get("masks")(EVALUATION, INFO),
        **arguments,
    )


def images(batch=2, height=33, width=65):
    return 255 * tf.random.stateless_uniform([batch, height, width, 3], [0, 1])


def test_training_returns_all_outputs_at_the_stride_of_the_masks():
    outputs = build()(images(), training=True)
    output, earlier = outputs.main, outputs.auxiliary["aux_0"]
    assert isinstance(output, MaskOutput)
    for one in (output, earlier):
        assert one.pixel_space_mask_logits.shape == [2, 9, 17, 12]
        assert one.pixel_space_normalized_feature.shape == [2, 9, 17, 8]
        assert one.transformer_class_logits.shape == [2, 12, 6]
    assert output.auxiliary_semantic_logits.shape == [2, 3, 5, 5]


def test_inference_returns_maps_of_the_size_of_the_image():
    prediction = build()(images(), training=False)
    fields = present(prediction)
    assert fields.keys() == MAPS | {
        "auxiliary_semantic_logits",
        "pixel_space_mask_logits",
        "pixel_space_normalized_feature",
        "transformer_class_logits",
    }
    for name in MAPS:
        assert fields[name].shape == [2, 33, 65]
    assert prediction.auxiliary_semantic_logits.shape == [2, 3, 5, 5]
    assert len(np.unique(prediction.panoptic_pred)) > 1


def test_any_size_without_a_new_model():
    model = build()
    graph = tf.function(
        lambda x: model(x, training=False).panoptic_pred,
        input_signature=[tf.TensorSpec([None, None, None, 3])],
    )
    for size in ((1, 33, 65), (2, 40, 31), (1, 5, 7)):
        batch = images(*size)
        expected = model(batch, training=False).panoptic_pred
        np.testing.assert_array_equal(graph(batch), expected)


def test_xla_computes_the_same():
    model, compiled = build(), build(jit_compile=True)
    expected = model(images(), training=False)
    compiled(images(), training=False)
    compiled.set_weights(model.get_weights())
    logits = compiled(images(), training=False).pixel_space_mask_logits
    np.testing.assert_allclose(logits, expected.pixel_space_mask_logits, atol=1e-4)


@pytest.mark.parametrize(
    "scales", [InferenceScales((1.0, 2.0)), InferenceScales(add_flipped=True)]
)
def test_several_scales_are_refused(scales):
    with pytest.raises(ValueError, match="remove both options"):
        build(inference=scales)


def test_only_maps_are_brought_to_the_size_of_the_image():
    prediction = build()(images(1), training=False)
    undone = undo_preprocessing(
        prediction, tf.constant([30, 60]), tf.constant([90, 120])
    )
    assert present(undone).keys() == MAPS
    assert all(v.shape == [1, 90, 120] for v in present(undone).values())


def test_what_is_no_map_is_not_served():
    inference = ImageInference(
        build(),
        lambda image: (tf.cast(image, tf.float32), tf.shape(image)[:2]),
        fields=["pixel_space_mask_logits"],
    )
    with pytest.raises(ValueError, match="does not predict pixel_space_mask_logits"):
        inference.images(tf.cast(images(), tf.uint8))
