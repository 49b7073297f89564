import numpy as np
import pytest
import tf_keras

import deeplab
from deeplab import factory
from deeplab.config import ConfigError, parse_config
from deeplab.loss_plan import loss_terms
from deeplab.plan import resolve

TINY = """
model_options {
  backbone { name: "mobilenet_v3_small" output_stride: 16 }
  decoder {
    feature_key: "res5"
    decoder_channels: 16 aspp_channels: 16
    atrous_rates: 1 atrous_rates: 2 atrous_rates: 3
  }
  panoptic_deeplab {
    low_level { feature_key: "res3" channels_project: 8 }
    low_level { feature_key: "res2" channels_project: 4 }
    instance {
      low_level_override { feature_key: "res3" channels_project: 4 }
      low_level_override { feature_key: "res2" channels_project: 2 }
      instance_decoder_override {
        feature_key: "res5" decoder_channels: 8
        atrous_rates: 1 atrous_rates: 2 atrous_rates: 3
      }
      center_head { output_channels: 1 head_channels: 4 }
      regression_head { output_channels: 2 head_channels: 4 }
    }
    semantic_head { output_channels: 3 head_channels: 16 }
  }
}
train_dataset_options {
  dataset: "mine"
  dataset_description {
    classes { id: 0 name: "road" }
    classes { id: 1 name: "car" is_thing: true }
    classes { id: 2 name: "sky" }
  }
  crop_size: 33
  crop_size: 65
}
"""


def test_public_api_builds_and_predicts():
    model = deeplab.build_model(deeplab.parse_config(TINY))
    image = np.random.default_rng(0).integers(0, 256, (2, 33, 65, 3), np.uint8)
    prediction = model(image, training=False)
    assert prediction.semantic_probs.shape == (2, 33, 65, 3)
    assert prediction.panoptic_pred.shape == (2, 33, 65)
    np.testing.assert_allclose(
        prediction.semantic_probs.numpy().sum(-1), 1.0, rtol=1e-5
    )
    assert "encoder" in model.checkpoint_items


def test_described_data_set_is_used():
    info = resolve(parse_config(TINY)).info
    assert info.name == "mine"
    assert info.thing_ids == (1,)


def test_config_without_data_set_gets_numbered_classes():
    config = parse_config("model_options { deeplab_v3 { num_classes: 5 } }")
    info = resolve(config).info
    assert info.num_classes == 5
    assert info.thing_ids == ()


def test_published_examples_are_for_cityscapes():
    config = parse_config("model_options { deeplab_v3 { num_classes: 19 } }")
    info = resolve(config).info
    assert info.name == "cityscapes_panoptic"


def test_extra_loss_adds_a_term():
    config = parse_config(
        TINY
        + """trainer_options { loss_options {
          semantic_loss { name: "softmax_cross_entropy" weight: 1 }
        } }"""
    )
    assert factory.build_loss(config).names[0] == "semantic_loss"


def test_without_a_loss_those_of_the_architecture_count():
    terms = loss_terms(resolve(parse_config(TINY)))
    assert {name: (t.name, t.weight) for name, t in terms.items()} == {
        "semantic_loss": ("softmax_cross_entropy", 1.0),
        "center_loss": ("mse", 200.0),
        "regression_loss": ("l1", 0.01),
    }
    assert factory.build_loss(parse_config(TINY)).names == [*terms, "total_loss"]


SCALES = TINY.replace(
    "model_options {", "model_options { training_scales: [0.5, 0.75]", 1
)
AUXILIARY = """
trainer_options { loss_options {
  auxiliary_loss { output: "scale_0.75" weight: 0.4 term: "semantic_loss" }
} }
"""


def test_further_scales_of_training_are_auxiliary_outputs():
    config = parse_config(SCALES + AUXILIARY)
    model = factory.build_model(config)
    assert model.auxiliary_outputs == ("scale_0.5", "scale_0.75")
    outputs = model(np.zeros([1, 33, 65, 3], np.uint8), training=True)
    for output in (outputs.main, *outputs.auxiliary.values()):
        assert output.semantic_logits.shape == [1, 33, 65, 3]
        assert output.center_heatmap.shape == [1, 33, 65]
    loss = factory.build_loss(config, model.auxiliary_outputs)
    assert [n for n in loss.names if n.startswith("scale_")] == [
        "scale_0.5_semantic_loss",
        "scale_0.75_semantic_loss",
        "scale_0.5_center_loss",
        "scale_0.5_regression_loss",
    ]


def test_an_unknown_auxiliary_output_is_named():
    with pytest.raises(ConfigError, match=r"'scale_0\.75'; it has: none"):
        factory.build_loss(parse_config(TINY + AUXILIARY))


def test_a_term_is_set_once():
    config = parse_config(TINY)
    for _ in range(2):
        config.trainer_options.loss_options.extra_loss.add(name="depth_loss")
    with pytest.raises(ConfigError, match="'depth_loss' is set twice"):
        factory.build_loss(config)


def test_precision_leaves_the_global_policy_alone():
    before = tf_keras.mixed_precision.global_policy().name
    config = parse_config(TINY)
    config.model_options.precision = "bfloat16"
    model = factory.build_model(config)
    assert tf_keras.mixed_precision.global_policy().name == before
    assert all(v.dtype == "float32" for v in model.variables)
    output = model(np.zeros([1, 33, 65, 3], np.uint8), training=False)
    assert output.semantic_logits.dtype == "float32"


def test_unknown_precision_is_refused():
    config = parse_config(TINY)
    config.model_options.precision = "int8"
    with pytest.raises(ConfigError, match="float32, bfloat16, float16"):
        factory.build_model(config)


def test_main_metric_follows_the_architecture():
    assert resolve(parse_config(TINY)).main_metric == "panoptic_quality/all/pq"
    semantic = parse_config("model_options { deeplab_v3 { num_classes: 5 } }")
    assert resolve(semantic).main_metric == "mean_iou/miou"
    semantic.trainer_options.best_checkpoint_metric = "mean_iou/pixel_accuracy"
    assert resolve(semantic).main_metric == "mean_iou/pixel_accuracy"


def test_further_metrics_stand_beside_the_architectures_own():
    config = parse_config(TINY)
    config.eval_dataset_options.dataset = "cityscapes_panoptic"
    own = list(factory.build_metrics(config))
    config.evaluator_options.extra_metrics.append("boundary_iou")
    assert list(factory.build_metrics(config)) == [*own, "boundary_iou"]
    config.evaluator_options.extra_metrics.append("boundary_io")
    with pytest.raises(ValueError, match="boundary_iou"):
        factory.build_metrics(config)
