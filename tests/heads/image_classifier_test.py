import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.heads import ARCHITECTURES
from deeplab.heads.image_classifier import ImageClassifier
from deeplab.models.scales import InferenceScales
from deeplab.postprocess.image_class import add_class
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.weights.restore import restore_matching
from tests.models.assembled import assemble
from tests.numbered import numbered_dataset

TINY = {"backbone_width_multiplier": 0.125, "backbone_layer_multiplier": 0.34}


def backbone(name):
    message = ModelOptions(backbone={"name": name, **TINY})
    return BACKBONES.get(name)(message, NormConfig())


def build(name="convnext_tiny", **options):
    head = ImageClassifier(7, feature="stage5")
    return assemble(backbone(name), head, postprocess=add_class, **options)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_classifies_the_mean_of_the_features(jit_compile):
    classifier = build(jit_compile=jit_compile)
    images = tf.random.stateless_uniform([2, 40, 33, 3], [0, 0], 0.0, 255.0)
    assert not np.any(classifier(images).class_logits)
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=[96, 7])
    classifier.head.checkpoint_items["logits_head"].set_weights(
        [kernel, np.arange(7.0)]
    )
    features = classifier.backbone(images / 127.5 - 1.0)["stage5"].numpy()
    mean = features.mean((1, 2))
    scale = np.sqrt(mean.var(1, keepdims=True) + 1e-5)
    normalized = (mean - mean.mean(1, keepdims=True)) / scale
    expected = normalized @ kernel + np.arange(7.0)
    prediction = classifier(images)
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(prediction.class_logits, expected, **close)
    probs = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    np.testing.assert_allclose(prediction.class_probs, probs, **close)
    np.testing.assert_array_equal(prediction.class_pred, expected.argmax(1))
    trained = classifier(images, training=True).main
    assert trained.class_logits.shape == [2, 7]


def test_dense_prediction_takes_its_encoder(tmp_path):
    classifier = build()
    classifier(tf.zeros([1, 32, 32, 3]))
    path = tf.train.Checkpoint(**classifier.checkpoint_items).write(f"{tmp_path}/x")
    encoder = backbone("convnext_tiny")
    encoder(tf.zeros([1, 32, 32, 3]))
    report = restore_matching(path, {"encoder": encoder})
    assert len(report.restored) == len(encoder.variables)
    assert not report.missing
    assert not report.skipped


def test_probabilities_of_several_runs_are_averaged():
    model = build(inference=InferenceScales(add_flipped=True))
    kernel = np.random.default_rng(0).normal(size=[96, 7])
    model.head.checkpoint_items["logits_head"].set_weights([kernel, np.zeros(7)])
    images = tf.random.stateless_uniform([2, 40, 33, 3], [0, 0], 0.0, 255.0)
    runs = []
    for seen in (images, tf.reverse(images, [2])):
        features = model.backbone(seen / 127.5 - 1.0)
        runs.append(tf.nn.softmax(model.head(features).main.class_logits))
    np.testing.assert_allclose(
        model(images).class_probs, (runs[0] + runs[1]) / 2, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_classes: 5", r"feature_key 'stage5': the backbone has no .*res5"),
        ('num_classes: 7 feature_key: "res5"', "is 7, but the data set has 5 classes"),
    ],
)
def test_heads_that_do_not_fit(text, message):
    options = text_format.Parse(f"classifier {{ {text} }}", ModelOptions())
    specs = backbone("resnet50").feature_specs
    build_head = ARCHITECTURES.get("classifier").build_head
    with pytest.raises(ValueError, match=message):
        build_head(options, specs, NormConfig(), numbered_dataset(5))
