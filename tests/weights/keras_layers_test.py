"""Models of ours come back out of the `.h5` files that Keras writes of them."""

import numpy as np
import pytest
import tensorflow as tf

import deeplab
from deeplab import factory
from deeplab.backbones import BACKBONES
from deeplab.config import parse_config
from deeplab.core.specs import NormConfig
from deeplab.weights.checkpoint_keys import variables_by_key
from deeplab.weights.restore import restore_all
from tests.weights.tiny import CONFIG


@pytest.fixture(scope="module")
def config():
    return parse_config(CONFIG)


@pytest.fixture(scope="module")
def model(config):
    return with_random_weights(factory.build_model(config))


def with_random_weights(model, seed=3):
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def assert_same(items, others):
    ours, theirs = variables_by_key(items), variables_by_key(others)
    assert set(ours) == set(theirs)
    for key, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[key], key)


def test_whole_model(config, model, tmp_path):
    model.save_weights(tmp_path / "model.h5")
    other = factory.build_model(config)
    report = deeplab.load_weights(other, tmp_path / "model.h5")
    assert report.is_whole
    assert report.unused == []
    assert_same(model.checkpoint_items, other.checkpoint_items)


def test_the_backbone_of_a_whole_model(config, model, tmp_path):
    model.save_weights(tmp_path / "model.h5")
    other = factory.build_model(config)
    encoder = {"encoder": other.checkpoint_items["encoder"]}
    report = restore_all(tmp_path / "model.h5", encoder)
    assert_same({"encoder": model.checkpoint_items["encoder"]}, encoder)
    parts = {key.removeprefix("network/deeplab/network/") for key in report.unused}
    assert {part.split("/")[0] for part in parts} == {"deeplab_v3"}


def test_a_backbone_saved_out_of_its_model(config, model, tmp_path):
    model.checkpoint_items["encoder"].save_weights(tmp_path / "encoder.h5")
    other = factory.build_model(config)
    encoder = {"encoder": other.checkpoint_items["encoder"]}
    restore_all(tmp_path / "encoder.h5", encoder)
    assert_same({"encoder": model.checkpoint_items["encoder"]}, encoder)


def test_a_backbone_that_never_was_in_a_model(config, tmp_path):
    options = config.model_options
    backbone = BACKBONES.get(options.backbone.name)(options, NormConfig())
    backbone(tf.zeros([1, 65, 65, 3]))
    with_random_weights(backbone)
    backbone.save_weights(tmp_path / "encoder.h5")
    encoder = {"encoder": factory.build_model(config).checkpoint_items["encoder"]}
    restore_all(tmp_path / "encoder.h5", encoder)
    assert_same({"encoder": backbone}, encoder)
