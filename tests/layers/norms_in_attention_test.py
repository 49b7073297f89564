"""Attention, transformers and masks with each kind of norm."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.specs import AxialAttentionConfig, FeatureSpec, NormConfig
from deeplab.heads.mask_predictor import mask_predictor
from deeplab.layers.axial_attention import AxialAttention
from deeplab.layers.dual_path_transformer import DualPathTransformer, TransformerConfig
from deeplab.layers.mbconv import MBConvBlock
from deeplab.layers.norms import NORMS
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.weights.checkpoint_keys import variables_by_key
from tests.numbered import numbered_dataset

HEAD = ModelOptions(
    max_deeplab={
        "pixel_space_head": {"output_channels": 6, "head_channels": 4},
        "auxiliary_semantic_head": {"output_channels": 5, "head_channels": 4},
    },
)
TRANSFORMER = TransformerConfig(channels=8, num_heads=2, feed_forward_channels=12)


def values(*shape, seed=0):
    return tf.random.stateless_normal(shape, [seed, 0])


def axial(norm, **options):
    config = AxialAttentionConfig(num_heads=4, **options)
    layer = AxialAttention(8, config, axis=2, name="a", norm=norm)
    return layer, lambda training: layer(values(2, 3, 6, 4), training=training)


def local_axial(norm):
    return axial(norm, block=4, halo=2)


def transformer(norm):
    layer = DualPathTransformer(6, 8, TRANSFORMER, name="t", norm=norm)
    pixels, memory = values(2, 3, 4, 6), values(2, 5, 8)
    return layer, lambda training: layer(pixels, memory, training=training)[2]


def masks(norm):
    specs = {
        "feature_panoptic": FeatureSpec(4, 4),
        "feature_semantic": FeatureSpec(4, 4),
        "transformer_class_feature": FeatureSpec(4, 0),
        "transformer_mask_feature": FeatureSpec(4, 0),
    }
    features = {
        name: values(2, *((5, 7) if spec.stride else (9,)), spec.channels, seed=index)
        for index, (name, spec) in enumerate(specs.items())
    }
    layer = mask_predictor(HEAD, norm, numbered_dataset(5))
    return (
        layer,
        lambda training: layer(features, training=training).pixel_space_mask_logits,
    )


def mbconv(norm):
    layer = MBConvBlock(4, 6, name="m", norm=norm)
    return layer, lambda training: layer(values(2, 5, 6, 4), training=training)


LAYERS = [axial, local_axial, transformer, masks, mbconv]


def randomize(layer):
    rng = np.random.default_rng(0)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.3, 1.5, variable.shape).astype("float32"))


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("kind", NORMS.names())
def test_every_kind_normalizes_and_learns(make, kind):
    norm = NormConfig(kind, groups=2, weight_standardization=True)
    layer, call = make(norm)
    call(False)
    randomize(layer)
    with tf.GradientTape() as tape:
        trained = call(True)
        loss = tf.reduce_sum(trained**2)
    assert np.isfinite(trained).all()
    variables = layer.trainable_variables
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    for variable, gradient in zip(variables, gradients, strict=True):
        assert np.isfinite(gradient).all(), variable.name
    if not kind.endswith("batch") or kind == "frozen_batch":
        np.testing.assert_allclose(trained, call(False), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", LAYERS)
def test_frozen_statistics_are_those_of_batch_evaluation(make):
    layer, call = make(NormConfig())
    frozen, call_frozen = make(NormConfig("frozen_batch"))
    for run in (call, call_frozen):
        run(False)
    randomize(layer)
    # Frozen variables come after trained ones, so that the order differs.
    theirs = variables_by_key({"layer": layer})
    ours = variables_by_key({"layer": frozen})
    assert ours.keys() == theirs.keys()
    for key, variable in ours.items():
        variable.assign(theirs[key])
    np.testing.assert_allclose(call_frozen(True), call(False), rtol=1e-4, atol=1e-5)
