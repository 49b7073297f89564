import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import CenterOffsetOutput, SemanticOutput
from deeplab.heads.base import check_features
from deeplab.heads.branch import (
    BranchConfig,
    DecoderBranch,
    LowLevelConfig,
    PredictionHead,
    branch_config,
    prediction_head,
)
from deeplab.heads.panoptic_deeplab import build_panoptic_deeplab
from deeplab.protos.model_pb2 import DecoderOptions, HeadOptions, ModelOptions
from tests.numbered import numbered_dataset

NORM = NormConfig()
SPECS = {
    "res2": FeatureSpec(4, 4),
    "res3": FeatureSpec(4, 8),
    "res5": FeatureSpec(4, 32),
}
PANOPTIC = """
  decoder {
    feature_key: "res5" decoder_channels: 8 aspp_channels: 8
    atrous_rates: 1 atrous_rates: 2 atrous_rates: 3
  }
  panoptic_deeplab {
    low_level { feature_key: "res3" channels_project: 4 }
    semantic_head { output_channels: 3 head_channels: 8 }
    instance {
      center_head { output_channels: 1 head_channels: 4 }
      regression_head { output_channels: 2 head_channels: 4 }
    }
  }
"""


def test_a_branch_ends_at_its_finest_feature():
    config = BranchConfig(
        feature="res5",
        low_levels=(LowLevelConfig("res3", 2), LowLevelConfig("res2", 3)),
        aspp_channels=4,
        decoder_channels=5,
        atrous_rates=(1, 2, 3),
    )
    features = {
        "res5": tf.ones([1, 2, 3, 4]),
        "res3": tf.ones([1, 5, 9, 4]),
        "res2": tf.ones([1, 9, 17, 4]),
    }
    branch = DecoderBranch(config, name="branch", norm=NORM)
    assert branch(features).shape == [1, 9, 17, 5]
    assert config.features == ["res5", "res3", "res2"]


def test_options_map_to_sizes():
    decoder = DecoderOptions(
        feature_key="res5",
        atrous_rates=[3, 6, 9],
        decoder_conv_type="standard_conv",
        aspp_use_only_1x1_proj_conv=True,
    )
    assert branch_config(decoder, []) == BranchConfig(
        feature="res5",
        low_levels=(),
        aspp_channels=256,
        decoder_channels=256,
        atrous_rates=(3, 6, 9),
        conv_type="standard_conv",
        only_projection=True,
    )


def test_finer_features_come_in_order():
    check_features(["res5", "res3", "res2"], SPECS)
    with pytest.raises(ValueError, match=r"'res3' \(stride 8\) comes after 'res2'"):
        check_features(["res5", "res2", "res3"], SPECS)


def test_a_head_with_other_channels_than_its_output_is_refused():
    with pytest.raises(ValueError, match=r"center_head.output_channels is 3.* 1"):
        prediction_head(
            HeadOptions(output_channels=3), 1, name="center_head", norm=NORM
        )


@pytest.mark.parametrize(
    ("override", "channels", "stride"),
    [
        ("", 8, 8),
        (
            'instance_decoder_override { feature_key: "res5" decoder_channels: 6 '
            "atrous_rates: 1 atrous_rates: 2 atrous_rates: 3 }",
            6,
            8,
        ),
        ('low_level_override { feature_key: "res2" channels_project: 2 }', 8, 4),
    ],
)
def test_instances_take_what_they_do_not_override(override, channels, stride):
    options = text_format.Parse(PANOPTIC, ModelOptions())
    text_format.Merge(override, options.panoptic_deeplab.instance)
    head = build_panoptic_deeplab(options, SPECS, NORM, numbered_dataset(3))
    features = {
        key: tf.random.normal([1, 64 // spec.stride, 64 // spec.stride, 4])
        for key, spec in SPECS.items()
    }
    output = head(features).main
    assert isinstance(output, CenterOffsetOutput)
    assert output.semantic_logits.shape == [1, 8, 8, 3]
    assert output.offset_map.shape == [1, 64 // stride, 64 // stride, 2]
    assert head.checkpoint_items["instance_decoder"](features).shape[-1] == channels


def test_without_instances_the_semantic_half_stands_alone():
    options = text_format.Parse(PANOPTIC, ModelOptions())
    whole = build_panoptic_deeplab(options, SPECS, NORM, numbered_dataset(3))
    options.panoptic_deeplab.instance.enable = False
    half = build_panoptic_deeplab(options, SPECS, NORM, numbered_dataset(3))
    features = {
        key: tf.random.normal([1, 64 // spec.stride, 64 // spec.stride, 4])
        for key, spec in SPECS.items()
    }
    whole(features), half(features)
    for name, item in half.checkpoint_items.items():
        item.set_weights(whole.checkpoint_items[name].get_weights())
    output = half(features).main
    assert isinstance(output, SemanticOutput)
    np.testing.assert_array_equal(
        output.semantic_logits, whole(features).main.semantic_logits
    )


def test_activation_of_the_hidden_layer():
    head = PredictionHead(4, 2, name="head", norm=NormConfig(), activation="gelu")
    features = tf.random.stateless_normal([1, 3, 3, 4], [1, 2])
    head(features)
    hidden = head.conv_block(features)
    assert -0.2 < tf.reduce_min(hidden) < 0
