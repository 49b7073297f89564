"""Pixel encoders of kMaX-DeepLab, beyond what all backbones promise."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.layers.activations import get_activation
from deeplab.protos.model_pb2 import ModelOptions

TINY = {
    "stem_width_multiplier": 0.25,
    "backbone_width_multiplier": 0.125,
    "backbone_layer_multiplier": 0.34,
}


def build(name, **options):
    return BACKBONES.get(name)(
        ModelOptions(backbone={"name": name, **options}), NormConfig()
    )


@pytest.mark.parametrize(
    ("name", "activation", "channels"),
    [
        ("kmax_resnet50", "relu", [64, 256, 512, 1024, 2048]),
        ("kmax_axial_resnet50", "gelu", [128, 256, 512, 1024, 2048]),
        ("kmax_convnext_tiny", "gelu", [96, 96, 192, 384, 768]),
        ("kmax_convnext_small", "gelu", [96, 96, 192, 384, 768]),
        ("kmax_convnext_base", "gelu", [128, 128, 256, 512, 1024]),
        ("kmax_convnext_large", "gelu", [192, 192, 384, 768, 1536]),
    ],
)
def test_features_come_before_and_after_activation(name, activation, channels):
    assert [
        build(name).feature_specs[f"stage{i}"].channels for i in range(1, 6)
    ] == channels
    encoder = build(name, **TINY)
    image = tf.random.stateless_uniform([1, 33, 65, 3], [1, 2], -1, 1)
    encoder(image)
    for variable in encoder.trainable_variables:  # Residual paths start as zero.
        variable.assign(tf.random.stateless_normal(variable.shape, [3, 4]))
    features = encoder(image, training=False)
    for i in range(1, 6):
        assert (features[f"stage{i}"].numpy() < 0).any()
        np.testing.assert_array_equal(
            get_activation(activation)(features[f"stage{i}"]), features[f"res{i}"]
        )
        specs = encoder.feature_specs
        assert specs[f"stage{i}"] == specs[f"res{i}"]
        stem_of_convnext = i == 1 and "convnext" in name
        assert specs[f"res{i}"].stride == (4 if stem_of_convnext else 2**i)


def test_drop_path_grows_with_depth():
    encoder = build("kmax_resnet50", drop_path_keep_prob=0.6)
    keep_probs = [
        [getattr(stage, block)._keep_prob for block in ("_block1", "_block2")]
        for stage in (getattr(encoder, f"_stage{i}") for i in range(2, 6))
    ]
    # A block's stage is that of its input; below stride 16 nothing is dropped.
    expected = [[1, 1], [1, 1], [1, 0.7], [0.7, 0.6]]
    np.testing.assert_allclose(keep_probs, expected)


def test_published_names_of_moat():
    names = [name for name in BACKBONES.names() if "moat" in name and "kmax" in name]
    assert len(names) == 18
    assert "kmax_moat0_pretrain_224_1k" in names
    assert "kmax_moat3_finetune_512_no_pe_22k" in names
    assert "kmax_tiny_moat2_pretrain_256_no_pe_1k" in names


def test_moat_is_that_of_its_name():
    few = {"backbone_layer_multiplier": 0.5}
    image = tf.zeros([1, 33, 65, 3])
    counts = []
    for name in ("", "no_pe_"):
        encoder = build(f"kmax_tiny_moat0_pretrain_256_{name}1k", **few)
        features = encoder(image)
        assert [features[f"stage{i}"].shape[-1] for i in range(1, 6)] == [
            32,
            32,
            64,
            128,
            256,
        ]
        counts.append(encoder.count_params())
    with_embedding, without = counts
    # Tables of (2 * 14 - 1)^2 and (2 * 7 - 1)^2 biases for each head, per block.
    assert with_embedding - without == 3 * 4 * 27**2 + 1 * 8 * 13**2
