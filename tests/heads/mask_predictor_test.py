"""The mask predictor against NumPy, and what it starts from."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.heads.mask_predictor import mask_predictor, num_transformer_classes
from deeplab.heads.max_deeplab import build_max_deeplab
from deeplab.protos.model_pb2 import ModelOptions
from tests.numbered import numbered_dataset

INFO = numbered_dataset(5)
OPTIONS = ModelOptions(
    decoder={"feature_key": "feature_semantic", "atrous_rates": [1, 2, 3]},
    max_deeplab={
        "pixel_space_head": {"output_channels": 6, "head_channels": 4},
        "auxiliary_low_level": [{"feature_key": "res2", "channels_project": 4}],
        "auxiliary_semantic_head": {"output_channels": 5, "head_channels": 4},
    },
)
SPECS = {
    "res2": FeatureSpec(3, 4),
    "feature_panoptic": FeatureSpec(3, 4),
    "feature_semantic": FeatureSpec(3, 4),
    "transformer_class_feature": FeatureSpec(4, 0),
    "transformer_mask_feature": FeatureSpec(4, 0),
}


def features(batch=2):
    rng = np.random.default_rng(0)
    return {
        key: tf.constant(
            rng.normal(size=(batch, *((5, 7) if spec.stride else (9,)), spec.channels)),
            tf.float32,
        )
        for key, spec in SPECS.items()
    }


def randomized(predictor):
    predictor(features())
    rng = np.random.default_rng(1)
    for variable in predictor.variables:
        variable.assign(rng.uniform(0.3, 1.5, variable.shape).astype("float32"))
    return predictor


def normalized(x, layer, mean=None, variance=None):
    mean = layer.moving_mean.numpy() if mean is None else mean
    variance = layer.moving_variance.numpy() if variance is None else variance
    scale = layer.gamma.numpy() / np.sqrt(variance + layer.epsilon)
    return (x - mean) * scale + layer.beta.numpy()


@pytest.mark.parametrize("training", [False, True])
def test_masks_are_products_of_normalized_features(training):
    """mask = norm(unit(norm(pixels)) . norm(W memory)), one scale for all masks."""
    predictor = randomized(mask_predictor(OPTIONS, NormConfig(), INFO))
    inputs = features()
    parts = predictor.checkpoint_items
    pixels = parts["pixel_space_head"](
        inputs["feature_panoptic"], training=training
    ).numpy()
    head = parts["transformer_mask_head"]
    kernels = inputs["transformer_mask_feature"].numpy() @ head._conv.kernel.numpy()[0]

    def moments(x, axes):
        return (x.mean(axes), x.var(axes)) if training else ()

    feature_norm = parts["pixel_space_feature_batch_norm"]
    mask_norm = parts["pixel_space_mask_batch_norm"]
    kernels = normalized(kernels, head._batch_norm, *moments(kernels, (0, 1)))
    pixels = normalized(pixels, feature_norm, *moments(pixels, (0, 1, 2)))
    pixels /= np.linalg.norm(pixels, axis=-1, keepdims=True)
    masks = np.einsum("bhwd,bid->bhwi", pixels, kernels)
    masks = normalized(masks, mask_norm, *moments(masks, (0, 1, 2, 3)))

    output = predictor(inputs, training=training)
    np.testing.assert_allclose(
        output.pixel_space_normalized_feature, pixels, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        output.pixel_space_mask_logits, masks, rtol=1e-3, atol=1e-4
    )


def test_a_new_model_says_no_object_with_probability_0_9():
    predictor = mask_predictor(OPTIONS, NormConfig(), INFO)
    probability = tf.nn.softmax(predictor(features()).transformer_class_logits)
    np.testing.assert_allclose(probability[..., -1], 0.9, atol=0.02)
    assert predictor._class_bias[-1] == pytest.approx(math.log(5 * 9))


def test_an_ignore_label_among_the_classes_is_no_object():
    assert num_transformer_classes(INFO) == 6
    coco = replace(INFO, ignore_label=0, classes=INFO.classes[1:])
    assert num_transformer_classes(coco) == 5


def test_permuted_slots_permute_masks_and_classes():
    predictor = randomized(mask_predictor(OPTIONS, NormConfig(), INFO))
    inputs = features()
    order = np.random.default_rng(2).permutation(9)
    permuted = {
        key: tf.gather(value, order, axis=1) if "transformer" in key else value
        for key, value in inputs.items()
    }
    before, after = predictor(inputs), predictor(permuted)
    np.testing.assert_allclose(
        after.pixel_space_mask_logits,
        tf.gather(before.pixel_space_mask_logits, order, axis=-1),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        after.transformer_class_logits,
        tf.gather(before.transformer_class_logits, order, axis=1),
        rtol=1e-5,
        atol=1e-6,
    )


def test_the_semantic_output_is_optional():
    predictor = mask_predictor(OPTIONS, NormConfig(), INFO, semantic_head=False)
    assert predictor(features()).auxiliary_semantic_logits is None
    assert not any("semantic" in key for key in predictor.checkpoint_items)


@pytest.mark.parametrize(("stride", "expected"), [(4, False), (16, True)])
def test_coarse_semantic_features_get_a_decoder(stride, expected):
    specs = {**SPECS, "feature_semantic": FeatureSpec(3, stride)}
    head = build_max_deeplab(OPTIONS, specs, NormConfig(), INFO)
    assert ("semantic_decoder" in head.checkpoint_items) == expected
