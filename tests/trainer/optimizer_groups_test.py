import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.protos.trainer_pb2 import SolverOptions
from deeplab.trainer.optimizer_groups import build_optimizer, kernels


class _Model(tf_keras.Model):
    def __init__(self):
        super().__init__()
        # The names are misleading on purpose: only the owner counts.
        self.encoder = tf_keras.layers.Conv2D(2, 1, name="head")
        self.norm = tf_keras.layers.BatchNormalization(name="encoder_kernel")
        self.head = tf_keras.layers.DepthwiseConv2D(1, name="encoder")

    def call(self, x, training=False):
        return self.head(self.norm(self.encoder(x), training=training))


@pytest.fixture
def model():
    model = _Model()
    model(tf.zeros([1, 2, 2, 3]))
    for variable in model.trainable_variables:
        variable.assign(tf.ones_like(variable))
    return model


def _apply_ones(optimizer, model):
    variables = model.trainable_variables
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in variables])


def test_kernels_are_those_of_convolutions(model):
    found = {id(v) for v in kernels(model)}
    assert found == {id(model.encoder.kernel), id(model.head.depthwise_kernel)}


def test_sgd_momentum(model):
    # Two steps of gradient 1: 1 - 0.1 - (0.1 + 0.5 * 0.1) = 0.75
    options = SolverOptions(
        optimizer="sgd", momentum=0.5, base_learning_rate=0.1, poly_learning_power=0.0
    )
    optimizer = build_optimizer(
        options, model, model.encoder.trainable_variables, batch_size=1
    )
    _apply_ones(optimizer, model)
    _apply_ones(optimizer, model)
    for variable in model.trainable_variables:
        np.testing.assert_allclose(variable, 0.75, rtol=1e-6)


@pytest.mark.parametrize("scale_loss", [False, True])
def test_the_backbone_takes_its_own_rate(model, scale_loss):
    options = SolverOptions(
        optimizer="sgd",
        momentum=0.0,
        base_learning_rate=0.1,
        backbone_learning_rate_multiplier=0.5,
    )
    optimizer = build_optimizer(
        options, model, model.encoder.trainable_variables, 1, scale_loss
    )
    _apply_ones(optimizer, model)
    np.testing.assert_allclose(model.encoder.kernel, 0.95, rtol=1e-6)
    np.testing.assert_allclose(model.head.depthwise_kernel, 0.9, rtol=1e-6)
    assert int(optimizer.iterations) == 1
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


def test_adamw_decays_kernels_only(model):
    # The decay is decoupled: kernel - rate * decay * kernel, then Adam's step, which
    # is rate * sign(gradient) at first.
    options = SolverOptions(
        optimizer="adamw", adamw_weight_decay=0.5, base_learning_rate=0.01
    )
    optimizer = build_optimizer(
        options, model, model.encoder.trainable_variables, batch_size=1
    )
    _apply_ones(optimizer, model)
    np.testing.assert_allclose(model.encoder.kernel, 1 - 0.005 - 0.01, rtol=1e-5)
    np.testing.assert_allclose(model.encoder.bias, 1 - 0.01, rtol=1e-5)
    np.testing.assert_allclose(model.norm.gamma, 1 - 0.01, rtol=1e-5)


def test_an_overflow_skips_the_step_and_lowers_the_scale(model):
    options = SolverOptions(optimizer="adam", backbone_learning_rate_multiplier=0.1)
    optimizer = build_optimizer(
        options, model, model.encoder.trainable_variables, 1, scale_loss=True
    )
    before = float(optimizer.loss_scale)
    variables = model.trainable_variables
    gradients = [tf.ones_like(v) for v in variables]
    gradients[0] *= np.inf
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    assert float(optimizer.loss_scale) == before / 2
    for variable in variables:
        np.testing.assert_array_equal(variable, 1.0)


def test_unknown_optimizer_is_refused(model):
    with pytest.raises(ValueError, match="'lamb' is unknown; choose one of sgd, adam"):
        build_optimizer(
            SolverOptions(optimizer="lamb"), model, model.encoder.trainable_variables, 1
        )
