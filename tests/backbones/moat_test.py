"""Options of MOAT, and the sizes of its classifiers as published."""

import math

import numpy as np
import pytest
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.heads.image_classifier import ImageClassifier
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.weights.checkpoint_keys import SUFFIX, variables_by_key
from deeplab.weights.name_maps.base import ModelWeight
from deeplab.weights.name_maps.moat import moat
from deeplab.weights.restore import restore_matching

# Trained numbers of the ImageNet classifiers, with position embedding and without.
PUBLISHED = {
    "moat0": (27_846_892, 27_777_544),
    "moat1": (41_598_448, 41_467_864),
    "moat2": (73_422_408, 73_248_296),
    "moat3": (189_958_040, 189_536_280),
    "moat4": (483_214_184, 482_539_368),
    "tiny_moat0": (3_355_348, 3_332_232),
    "tiny_moat1": (5_122_895, 5_094_000),
    "tiny_moat2": (9_772_741, 9_732_288),
    "tiny_moat3": (19_534_390, 19_476_600),
}
SMALL = {
    "stem_width_multiplier": 0.25,
    "backbone_width_multiplier": 0.25,
    "backbone_layer_multiplier": 0.5,
}


def build(name, **options):
    message = ModelOptions(backbone={"name": name, **options})
    return BACKBONES.get(name)(message, NormConfig())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "tiny_moat0" else pytest.mark.slow)
        for name in PUBLISHED
    ],
)
@pytest.mark.parametrize(
    "position_embedding", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_published_sizes(name, position_embedding):
    # In a graph that never runs, weights have shapes and take no memory.
    with tf.Graph().as_default():
        backbone = build(name, position_embedding=position_embedding)
        head = ImageClassifier(1000, feature="stage5")
        logits = head(backbone(tf.zeros([1, 32, 32, 3]))).main.class_logits
        assert logits.shape == [1, 1000]
        weights = backbone.trainable_variables + head.trainable_variables
    count = sum(math.prod(v.shape) for v in weights)
    assert count == PUBLISHED[name][0 if position_embedding else 1]


def test_multipliers_scale_width_and_depth():
    specs = build("tiny_moat0", **SMALL).feature_specs
    assert specs["res1"] == specs["stage1"] == FeatureSpec(8, 2)
    assert specs["res5"] == FeatureSpec(64, 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_stride": 16}, "output_stride 16: MOAT supports only 32"),
        ({"attention_window": [224]}, r"attention_window \[224\]: give height and"),
        ({"attention_window": [224, 100]}, r"\[224, 100\]: choose multiples of 32"),
        ({"attention_window": [0, 32]}, r"\[0, 32\]: choose multiples of 32"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        build("tiny_moat0", **SMALL, **options)


def features(window, global_stage_end=False):
    backbone = build(
        "tiny_moat0",
        **SMALL,
        attention_window=window,
        global_attention_at_stage_end=global_stage_end,
    )
    backbone(tf.zeros([1, 32, 32, 3]))
    rng = np.random.default_rng(0)
    for variable in backbone.variables:
        if "variance" not in variable.name:
            variable.assign(rng.normal(0, 0.2, variable.shape))
    image = np.random.default_rng(1).uniform(-1, 1, [1, 64, 128, 3])
    return {k: v.numpy() for k, v in backbone(tf.constant(image, tf.float32)).items()}


def test_windows_are_in_pixels_of_the_image():
    whole = features([])
    # One window that is the whole image.
    for name, value in features([64, 128]).items():
        np.testing.assert_allclose(value, whole[name], atol=1e-4, err_msg=name)
    halves = features([64, 64])
    np.testing.assert_array_equal(halves["stage3"], whole["stage3"])
    assert np.abs(halves["stage4"] - whole["stage4"]).max() > 1e-3
    ends = features([64, 64], global_stage_end=True)
    assert np.abs(halves["stage4"] - ends["stage4"]).max() > 1e-3


def test_published_imagenet_checkpoints_load(tmp_path):
    """They hold names of scopes, the averages of training and a classifier as well."""
    backbone = build("tiny_moat0", **SMALL)
    backbone(tf.zeros([1, 32, 32, 3]))
    keys = variables_by_key({"encoder": backbone})
    names = {
        key: next(iter(moat(ModelWeight(key.removesuffix(SUFFIX), ""))), ("none",))[0]
        for key in keys
    }
    assert len(set(names.values())) == len(keys) == len(backbone.variables)
    stored = {
        name: np.full(keys[key].shape, index, np.float32)
        for index, (key, name) in enumerate(names.items())
    }
    beside = {
        "moat/logits_head/bias": np.zeros(1000, np.float32),
        "moat/stem/conv_0/kernel/ExponentialMovingAverage": np.float32(0),
    }
    tensors = stored | beside
    tf.raw_ops.SaveV2(
        prefix=f"{tmp_path}/model.ckpt-1",
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )
    report = restore_matching(f"{tmp_path}/model.ckpt-1", {"encoder": backbone})
    assert not report.missing
    assert not report.skipped
    for index, key in enumerate(names):
        assert (keys[key].numpy() == index).all(), key
