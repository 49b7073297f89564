"""A mask transformer from training to export, with a head of a handful of weights."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import deeplab
from deeplab import factory
from deeplab.config import ConfigError, parse_config
from deeplab.core.structures import Example
from deeplab.export.saved_model import export
from deeplab.heads import ARCHITECTURES
from deeplab.inference.predictor import Predictor
from deeplab.plan import resolve
from deeplab.trainer import experiment
from deeplab.trainer.metrics_log import MetricsLog
from tests.e2e import tiny_experiment
from tests.heads import tiny_masks

CONFIG = """
model_options {
  backbone { name: "tiny" output_stride: 16 }
  max_deeplab {
    auxiliary_semantic_head { output_channels: 8 }
    instance_discrimination_sample_k: 64
    semantic_sample_k: 8
  }
}
trainer_options {
  save_checkpoints_steps: 2
  save_summaries_steps: 2
  steps_per_loop: 2
  loss_options {
    semantic_loss { name: "softmax_cross_entropy" }
    pq_style_loss { weight: 3.0 }
    mask_id_cross_entropy_loss { weight: 0.3 }
    instance_discrimination_loss {}
  }
  solver_options { base_learning_rate: 0.01 training_number_of_steps: 4 }
}
train_dataset_options {
  dataset: "toy_street" batch_size: 2 crop_size: [33, 65]
  thing_id_mask_annotations: true max_thing_id: 16
  augmentations {
    panoptic_copy_paste { panoptic_copy_paste_scale: 0.5 }
  }
}
eval_dataset_options {
  dataset: "toy_street" batch_size: 2 crop_size: [33, 65]
  thing_id_mask_annotations: true max_thing_id: 16
}
evaluator_options {
  eval_interval: 4 num_vis_samples: 1
  transformer_class_confidence_threshold: 0.1
  pixel_confidence_threshold: 0.05
}
"""
TERMS = {
    "pq_style_loss_class_term",
    "pq_style_loss_mask_dice_term",
    "mask_id_cross_entropy_loss",
    "instance_discrimination_loss",
}


@pytest.fixture(scope="module", autouse=True)
def tiny_head():
    """Puts the tiny head where the architecture's own is."""
    architecture = ARCHITECTURES.get("max_deeplab")
    with ARCHITECTURES.replaced(
        "max_deeplab", dataclasses.replace(architecture, build_head=tiny_masks.build)
    ):
        yield


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    tiny_experiment.write_records(folder, "train", 4)
    tiny_experiment.write_records(folder, "val", 3, ((33, 65), (40, 48)))
    return folder


def config_of(records):
    config = parse_config(CONFIG)
    config.train_dataset_options.file_pattern.append(str(records / "train-*"))
    config.eval_dataset_options.file_pattern.append(str(records / "val-*"))
    return config


@pytest.fixture(scope="module")
def trained(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    results = experiment.run(config_of(records), "train_and_eval", folder)
    return folder, results


def test_losses_and_metrics_have_their_places(trained):
    folder, results = trained
    log = MetricsLog(folder)
    assert log.has(4, "train")
    assert log.has(4, "eval")
    assert {"panoptic_quality/all/pq", "mean_iou/miou", "instance_ap/ap"} <= set(
        results
    )
    losses = {k.removeprefix("losses/") for k in results if k.startswith("losses/")}
    assert losses == TERMS | {"semantic_loss", "total_loss"}
    text = (folder / "metrics.jsonl").read_text()
    for term in TERMS:
        assert f"losses/aux_0{term}" in text


def test_every_weight_learns(records):
    config = config_of(records)
    model = factory.build_model(config)
    loss = factory.build_loss(config, model.auxiliary_outputs)
    batch = Example(**next(iter(factory.build_train_pipeline(config))).device)
    with tf.GradientTape() as tape:
        losses = loss(batch, model(batch.image, training=True))
    assert list(losses) == loss.names
    gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name
        assert np.any(gradient), variable.name


@pytest.mark.slow
def test_the_exported_model_predicts_the_same(records, trained, tmp_path):
    config = config_of(records)
    model = factory.build_model(config)
    info = resolve(config).info
    preprocess = factory.build_preprocess(config)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    expected = Predictor.of_model(model, preprocess, info)(image)
    folder = export(model, preprocess, info, tmp_path / "exported")
    loaded = deeplab.load(str(folder))(image)
    for name in ("semantic_pred", "panoptic_pred", "instance_pred"):
        value = getattr(loaded, name)
        assert value.shape == (40, 50)
        np.testing.assert_array_equal(value, getattr(expected, name))


def test_masks_have_to_be_asked_for(records, tmp_path):
    config = config_of(records)
    config.train_dataset_options.thing_id_mask_annotations = False
    with pytest.raises(ConfigError, match=r"train.*thing_id_mask_annotations.*true"):
        experiment.run(config, "train", tmp_path)


def test_other_classes_leave_out_two_layers(records):
    plan = resolve(config_of(records))
    left_out = plan.architecture.last_layers.semantic
    assert set(left_out) == {"semantic_last_layer", "transformer_class_head"}
    assert set(factory.build_model(plan).checkpoint_items) > set(left_out)
