import pytest
import tensorflow as tf

from deeplab import factory
from deeplab.config import ConfigError, parse_config
from deeplab.core.specs import NormConfig
from deeplab.layers.norms.batch import BatchNormalization
from deeplab.layers.norms.group import GroupNormalization
from deeplab.network_norms import network_norms, refuse_idle_norms
from deeplab.read_tracker import tracked, unread_fields

SOLVER = "trainer_options { solver_options { %s } }"


def parse(model="", solver=""):
    return parse_config(f"model_options {{ {model} }}" + SOLVER % solver)


def test_published_fields_are_the_batch_normalization_of_all():
    solver = "batchnorm_momentum: 0.5 batchnorm_epsilon: 0.25"
    norm, head_norm = network_norms(parse(solver=solver))
    assert norm == head_norm == NormConfig("batch", momentum=0.5, epsilon=0.25)


@pytest.mark.parametrize(
    ("model", "solver", "expected"),
    [
        ("", "", "sync_batch"),
        ("", "use_sync_batchnorm: false", "batch"),
        ("norm { weight_standardization: true }", "", "sync_batch"),
        ('norm { kind: "batch" }', "", "batch"),
        ('norm { kind: "batch" }', "use_sync_batchnorm: false", "batch"),
        ('norm { kind: "sync_batch" }', "use_sync_batchnorm: true", "sync_batch"),
    ],
)
def test_replicas_share_statistics_where_there_are_several(
    model, solver, expected, two_replicas
):
    config = parse(model, solver)
    # With a single replica nothing is shared.
    assert network_norms(config)[0].kind == "batch"
    with two_replicas.scope():
        assert network_norms(config)[0].kind == expected


def test_head_norm_replaces_the_whole_norm():
    norm, head_norm = network_norms(
        parse(
            'norm { kind: "group" groups: 4 weight_standardization: true } '
            'head_norm { kind: "frozen_batch" }',
            "batchnorm_epsilon: 0.25",
        )
    )
    assert norm == NormConfig(
        "group", epsilon=0.25, groups=4, weight_standardization=True
    )
    assert head_norm == NormConfig("frozen_batch", epsilon=0.25)


@pytest.mark.parametrize(
    ("model", "solver", "message"),
    [
        (
            'norm { kind: "batch" }',
            "use_sync_batchnorm: true",
            r"model_options.norm.kind 'batch' contradicts .*use_sync_batchnorm true",
        ),
        (
            'head_norm { kind: "sync_batch" }',
            "use_sync_batchnorm: false",
            r"head_norm.kind 'sync_batch' contradicts .*use_sync_batchnorm false",
        ),
        (
            'norm { kind: "grup" }',
            "",
            r"model_options.norm.kind: unknown norm 'grup'; did you mean group",
        ),
        ('norm { kind: "group" groups: 0 }', "", r"norm.groups 0: choose 1 or more"),
    ],
)
def test_contradictions_are_refused(model, solver, message):
    with pytest.raises(ConfigError, match=message):
        network_norms(parse(model, solver))


@pytest.mark.parametrize(
    ("model", "solver", "unread"),
    [
        ('norm { kind: "batch" groups: 4 }', "", ["model_options.norm.groups"]),
        ("norm { groups: 4 }", "", ["model_options.norm.groups"]),
        ('norm { kind: "group" groups: 4 }', "batchnorm_epsilon: 0.1", []),
        (
            'norm { kind: "group" }',
            "batchnorm_momentum: 0.9 use_sync_batchnorm: true",
            ["batchnorm_momentum", "use_sync_batchnorm"],
        ),
        (
            'norm { kind: "frozen_batch" }',
            "batchnorm_momentum: 0.9 batchnorm_epsilon: 0.1",
            ["batchnorm_momentum"],
        ),
        ('norm { kind: "none" }', "batchnorm_epsilon: 0.1", ["batchnorm_epsilon"]),
        # Of the head.
        ('norm { kind: "none" } head_norm { }', "batchnorm_epsilon: 0.1", []),
    ],
)
def test_options_of_other_kinds_stay_unread(model, solver, unread):
    config = tracked(parse(model, solver))
    network_norms(config)
    prefix = "trainer_options.solver_options."
    assert sorted(unread_fields(config, config.DESCRIPTOR.fields_by_name)) == sorted(
        name if name.startswith("model") else prefix + name for name in unread
    )


MODEL = """
  backbone {
    name: "mobilenet_v3_small" output_stride: 16
    stem_width_multiplier: 0.5 backbone_width_multiplier: 0.25
  }
  decoder { feature_key: "res5" aspp_channels: 8 atrous_rates: [1, 2, 3] }
  deeplab_v3 { num_classes: 19 }
"""


def kinds(network):
    found = {type(module) for module in network.submodules}
    return found & {BatchNormalization, GroupNormalization}


def test_the_head_has_its_own_norm():
    norms = 'head_norm { kind: "group" groups: 4 }'
    items = factory.build_model(parse(MODEL + norms)).checkpoint_items
    assert kinds(items["encoder"]) == {BatchNormalization}
    heads = [item for name, item in items.items() if name != "encoder"]
    assert set.union(*map(kinds, heads)) == {GroupNormalization}


def test_groups_that_do_not_divide_name_the_layer():
    norms = 'norm { kind: "group" groups: 3 }'
    with pytest.raises(
        ValueError, match=r"conv_bn_1/batch_norm: 3 groups cannot share \d+ channels"
    ):
        factory.build_model(parse(MODEL + norms))


CLASSIFIER = """
  backbone {
    name: "%s" stem_width_multiplier: 0.25 backbone_width_multiplier: 0.125
    backbone_layer_multiplier: 0.34
  }
  classifier { num_classes: 19 feature_key: "res5" }
"""


def test_norms_without_effect_are_refused():
    norm = 'norm { kind: "batch" }'
    factory.build_model(parse(CLASSIFIER % "resnet50" + norm))
    with pytest.raises(ConfigError, match="norm has no effect: convnext_tiny"):
        factory.build_model(parse(CLASSIFIER % "convnext_tiny" + norm))
    with pytest.raises(ConfigError, match="head_norm has no effect: the head"):
        factory.build_model(parse(CLASSIFIER % "resnet50" + f"head_{norm}"))


def test_a_norm_of_the_head_leaves_none_for_the_norm_of_the_network():
    options = parse('backbone { name: "layers" } norm { } head_norm { }').model_options
    backbone, head = tf.Module(), tf.Module()
    head.norm = BatchNormalization(NormConfig(), name="norm")
    with pytest.raises(ConfigError, match="norm has no effect: layers"):
        refuse_idle_norms(options, backbone, head)
    options.ClearField("head_norm")
    refuse_idle_norms(options, backbone, head)
