"""Options of single backbones, beyond what all of them promise."""

import pytest
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.backbones.mobilenet_v3 import divisible
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.protos.model_pb2 import ModelOptions

SMALL = {
    "stem_width_multiplier": 0.25,
    "backbone_width_multiplier": 0.125,
    "backbone_layer_multiplier": 0.34,
}


def build(name, **options):
    message = ModelOptions(backbone={"name": name, **options})
    return BACKBONES.get(name)(message, NormConfig())


def names(backbone):
    backbone(tf.zeros([1, 33, 33, 3]))
    return [v.name for v in backbone.variables]


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet50", [64, 256, 512, 1024, 2048]),
        ("resnet50_beta", [128, 256, 512, 1024, 2048]),
        ("wide_resnet41", [128, 256, 512, 1024, 2048]),
        ("mobilenet_v3_small", [16, 16, 88, 144, 576]),
        ("mobilenet_v3_large", [16, 72, 120, 672, 960]),
    ],
)
def test_published_widths(name, channels):
    specs = build(name, use_squeeze_and_excite=True).feature_specs
    assert [specs[f"res{i}"].channels for i in range(1, 6)] == channels
    assert [specs[f"res{i}"].stride for i in range(1, 6)] == [2, 4, 8, 16, 32]


def test_multipliers_scale_width_and_depth():
    specs = build("swidernet", **SMALL).feature_specs
    assert specs["res1"] == FeatureSpec(32, 2)
    assert specs["res5"] == FeatureSpec(256, 32)
    assert len(names(build("swidernet", **SMALL))) < len(
        names(build("swidernet", **{**SMALL, "backbone_layer_multiplier": 1.0}))
    )


def test_switchable_convolution_starts_at_its_stride():
    def has_switch(stride):
        # At stride 32 the only block of the last stage is strided, without a switch.
        options = {"use_sac_beyond_stride": stride, "output_stride": 16}
        variables = names(build("swidernet", **options, **SMALL))
        return {
            stage: any(f"stage{stage}/" in n and "switch" in n for n in variables)
            for stage in range(1, 6)
        }

    assert has_switch(-1) == dict.fromkeys(range(1, 6), False)
    assert has_switch(32) == {1: False, 2: False, 3: False, 4: False, 5: True}
    assert has_switch(16)[4]


@pytest.mark.parametrize("name", ["resnet50", "swidernet"])
def test_squeeze_and_excite_is_an_option(name):
    with_se = names(build(name, use_squeeze_and_excite=True, **SMALL))
    assert any("squeeze_and_excite" in n for n in with_se)
    assert not any("squeeze" in n for n in names(build(name, **SMALL)))


def test_output_stride_must_be_a_power_of_two():
    with pytest.raises(ValueError, match="output_stride 12"):
        build("resnet50", output_stride=12)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(16, 16), (3, 8), (72.5, 72), (12, 16), (11, 16), (18, 24)],
)
def test_channels_are_multiples_of_eight_within_ten_percent(channels, expected):
    assert divisible(channels) == expected
