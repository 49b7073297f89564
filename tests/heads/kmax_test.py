"""kMaX-DeepLab's decoders and options, beyond what all heads promise."""

import math

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.heads.kmax import KMaXDeepLab
from deeplab.heads.kmax_defaults import MASK_DEFAULTS, MaskDefaults
from deeplab.heads.kmax_pixel_decoder import (
    PUBLISHED_STAGES,
    DecoderStage,
    KMaXPixelDecoder,
    scaled_stage,
)
from deeplab.heads.kmax_transformer_decoder import KMaXTransformerDecoder
from deeplab.heads.max_deeplab import build_max_deeplab
from deeplab.protos.model_pb2 import ModelOptions
from tests.numbered import numbered_dataset

NORM = NormConfig()
CHANNELS = {1: 4, 2: 8, 3: 12, 4: 16, 5: 20}
SPECS = {
    f"{kind}{i}": FeatureSpec(channels, 2**i)
    for i, channels in CHANNELS.items()
    for kind in ("stage", "res")
}
INFO = numbered_dataset(5)
OPTIONS = """
  decoder {
    feature_key: "feature_semantic" decoder_channels: 8 aspp_channels: 8
    atrous_rates: 1 atrous_rates: 2 atrous_rates: 3
  }
  max_deeplab {
    pixel_space_head { output_channels: 8 head_channels: 8 }
    auxiliary_low_level { feature_key: "res3" channels_project: 4 }
    auxiliary_low_level { feature_key: "res2" channels_project: 4 }
    auxiliary_semantic_head { output_channels: 5 head_channels: 8 }
    decoder_width_multiplier: 0.0625
    decoder_layer_multiplier: 0.2
  }
"""


@pytest.fixture(autouse=True)
def _defaults(monkeypatch):
    defaults = MaskDefaults(7, 4, False, keep_prob=0.9)
    monkeypatch.setitem(MASK_DEFAULTS, INFO.name, defaults)


def build(text="", specs=SPECS, info=INFO):
    options = text_format.Parse(OPTIONS, ModelOptions())
    options.MergeFrom(text_format.Parse(f"max_deeplab {{ {text} }}", ModelOptions()))
    head = build_max_deeplab(options, specs, NORM, info)
    assert isinstance(head, KMaXDeepLab)
    return head


def features(height=65, width=33, batch=1):
    return {
        name: tf.random.stateless_normal(
            [
                batch,
                math.ceil(height / spec.stride),
                math.ceil(width / spec.stride),
                spec.channels,
            ],
            [i, 1],
        )
        for i, (name, spec) in enumerate(SPECS.items())
    }


def test_data_set_gives_the_defaults():
    output = build()(features(), training=True).main
    assert output.pixel_space_mask_logits.shape == [1, 17, 9, 7]
    assert output.transformer_class_logits.shape == [1, 7, 6]
    assert output.auxiliary_semantic_logits.shape == [
        1,
        3,
        2,
        5,
    ]  # Of the coarsest feature.


def test_options_override_the_data_set():
    head = build("num_mask_slots: 3 mask_stride: 2 auxiliary_semantic_decoder: true")
    output = head(features()).main
    assert output.pixel_space_mask_logits.shape == [1, 33, 17, 3]
    assert output.auxiliary_semantic_logits.shape == [
        1,
        17,
        9,
        5,
    ]  # Of the finest, res2.


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0.9), ("transformer_decoder_drop_path_keep_prob: 1.0", 1.0)],
)
def test_drop_path_of_the_transformer_decoder(text, expected):
    layers = [m for m in build(text).submodules if hasattr(m, "_keep_prob")]
    kept = {m._keep_prob for m in layers if "transformer" in m.name}
    assert kept == {expected}


def test_every_layer_predicts_in_training_alone():
    head = build("decoder_layer_multiplier: 1.0")
    assert head(features(), training=False).auxiliary == {}
    outputs = head(features(), training=True)
    # Two layers at each of three strides.
    assert tuple(outputs.auxiliary) == tuple(f"aux_{i}" for i in range(6))
    size = outputs.main.pixel_space_mask_logits.shape[:3]
    for output in outputs.auxiliary.values():
        assert output.pixel_space_mask_logits.shape[:3] == size
        assert output.auxiliary_semantic_logits is None
        assert output.transformer_class_logits.shape == [1, 7, 6]
        # Resizing blends features of unit length.
        lengths = tf.norm(output.pixel_space_normalized_feature, axis=-1)
        assert np.all(lengths < 1 + 1e-4)


@pytest.mark.parametrize("size", [(65, 33), (1, 1), (40, 18)])
def test_pixel_decoder_keeps_the_sizes_of_the_encoder(size):
    stages = tuple(
        scaled_stage(s, width_multiplier=0.0625, layer_multiplier=0.2)
        for s in PUBLISHED_STAGES
    )
    decoder = KMaXPixelDecoder(stages, SPECS, norm=NORM)
    given = features(*size)
    outputs = decoder(given)
    assert [o.shape[-1] for o in outputs] == [128, 64, 32, 16, 8]
    for i, output in enumerate(outputs):
        assert output.shape[1:3] == given[f"stage{5 - i}"].shape[1:3]


def test_stages_are_scaled():
    stage = DecoderStage(256, 5, axial=True)
    assert scaled_stage(stage, width_multiplier=1, layer_multiplier=1) == stage
    small = scaled_stage(stage, width_multiplier=0.01, layer_multiplier=0.5)
    assert small == DecoderStage(8, 2, axial=True)  # As many channels as heads.
    assert scaled_stage(
        DecoderStage(32, 1), width_multiplier=0.01, layer_multiplier=0.5
    ) == DecoderStage(1, 1)


def test_transformer_decoder_goes_from_coarse_to_fine():
    """What a layer predicts depends on the features it and earlier layers saw."""
    head = build()
    decoder = head.checkpoint_items["transformer_decoder"]
    maps = head.checkpoint_items["pixel_decoder"](features())[:3]
    decoder(maps)
    rng = np.random.default_rng(0)
    for variable in decoder.trainable_variables:
        variable.assign_add(rng.uniform(0.1, 0.3, variable.shape))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(maps)
        *embeddings, predictions = decoder(maps)
        sums = [tf.reduce_sum(p.transformer_class_logits**2) for p in predictions]
    assert [e.shape for e in embeddings] == [[1, 7, 16]] * 2
    # The first layer predicts classes from the learned centres alone.
    seen = [[tape.gradient(s, m) is not None for m in maps] for s in sums]
    assert seen == [[False] * 3, [True, False, False], [True, True, False]]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="mask_stride 3: choose one of 4, 2"):
        build("mask_stride: 3")
    without = {k: v for k, v in SPECS.items() if k.startswith("res")}
    with pytest.raises(ValueError, match=r"no feature 'stage5'.*kmax_"):
        build(specs=without)
    with pytest.raises(ValueError, match="the data set has 5 classes"):
        build("auxiliary_semantic_head { output_channels: 6 head_channels: 8 }")


def test_layers_share_no_weights():
    head = build("decoder_layer_multiplier: 1.0")
    decoder = head.checkpoint_items["transformer_decoder"]
    assert isinstance(decoder, KMaXTransformerDecoder)
    maps = [tf.zeros([1, 2, 2, c]) for c in (8, 4, 2)]
    decoder(maps)
    weights = [v for block in decoder._kmax_decoder for v in block.variables]
    assert len({id(v) for v in weights}) == len(weights)
