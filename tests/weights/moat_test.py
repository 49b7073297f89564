import pytest

from deeplab.weights.name_maps.base import Candidate, ModelWeight
from deeplab.weights.name_maps.moat import moat


def names(path):
    return list(moat(ModelWeight(path, "any/name:0")))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("_blocks/0/0/_expand_conv/kernel", "block_00_00/expand_conv/kernel"),
        ("_blocks/1/12/_pre_norm/moving_mean", "block_01_12/pre_norm/moving_mean"),
        (
            "_blocks/0/1/_depthwise_conv/depthwise_kernel",
            "block_00_01/depthwise_conv/depthwise_kernel",
        ),
        ("_blocks/1/0/_se/_se_reduce/bias", "block_01_00/se/reduce_conv2d/bias"),
        ("_blocks/1/0/_se/_se_expand/bias", "block_01_00/se/expand_conv2d/bias"),
        ("_blocks/3/1/_attention_norm/beta", "block_03_01/attention_norm/beta"),
        ("_blocks/2/6/_attention/_o_proj/weight", "block_02_06/attention/o/weight"),
        (
            "_blocks/2/6/_attention/relative_position_embedding",
            "block_02_06/attention/relative_position_embedding",
        ),
        ("_stem/layer_with_weights-0/kernel", "stem/conv_0/kernel"),
        ("_stem/layer_with_weights-1/gamma", "stem/norm_0/gamma"),
        ("_stem/layer_with_weights-2/bias", "stem/conv_1/bias"),
    ],
)
def test_names(path, name):
    assert names(f"encoder/{path}") == [Candidate(f"moat/{name}")]


@pytest.mark.parametrize(
    "path", ["encoder/_stem/_conv/kernel", "pixel_decoder/_blocks/0/0/_conv/kernel"]
)
def test_other_models_have_none(path):
    assert names(path) == []
