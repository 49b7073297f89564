import numpy as np
import pytest
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.models.classifier import Classifier
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.trainer.initial_checkpoint import restore_matching

TINY = {"backbone_width_multiplier": 0.125, "backbone_layer_multiplier": 0.34}


def backbone(name):
    message = ModelOptions(backbone={"name": name, **TINY})
    return BACKBONES.get(name)(message, NormConfig())


def test_classifies_the_mean_of_the_features():
    classifier = Classifier(backbone("convnext_tiny"), 7)
    images = tf.random.stateless_uniform([2, 40, 33, 3], [0, 0], 0.0, 255.0)
    assert not np.any(classifier(images))
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=[96, 7])
    classifier._logits_head.set_weights([kernel, np.arange(7.0)])
    features = classifier.backbone(images / 127.5 - 1.0)["stage5"].numpy()
    mean = features.mean((1, 2))
    scale = np.sqrt(mean.var(1, keepdims=True) + 1e-5)
    normalized = (mean - mean.mean(1, keepdims=True)) / scale
    expected = normalized @ kernel + np.arange(7.0)
    np.testing.assert_allclose(classifier(images), expected, rtol=1e-3, atol=1e-4)


def test_dense_prediction_takes_its_encoder(tmp_path):
    classifier = Classifier(backbone("convnext_tiny"), 7)
    classifier(tf.zeros([1, 32, 32, 3]))
    path = tf.train.Checkpoint(**classifier.checkpoint_items).write(f"{tmp_path}/x")
    encoder = backbone("convnext_tiny")
    encoder(tf.zeros([1, 32, 32, 3]))
    report = restore_matching(path, {"encoder": encoder})
    assert len(report.restored) == len(encoder.variables)
    assert not report.missing
    assert not report.skipped


def test_needs_features_before_the_activation():
    with pytest.raises(ValueError, match="resnet50: a classifier needs 'stage5'"):
        Classifier(backbone("resnet50"), 7)
