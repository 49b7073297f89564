import numpy as np
import orbit
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.structures import Example
from deeplab.losses.composite import CompositeLoss
from deeplab.protos.trainer_pb2 import SolverOptions
from deeplab.trainer.non_finite import NonFiniteLossError, save_batch
from deeplab.trainer.optimizer_groups import build_optimizer, kernels
from deeplab.trainer.step_trainer import StepHooks, StepOptions, StepTrainer
from tests.trainer import tiny


def _trainer(
    strategy=None,
    *,
    data=None,
    solver=None,
    model=None,
    loss=None,
    hooks=None,
    **options,
):
    strategy = strategy or tf.distribute.get_strategy()
    solver = solver or SolverOptions(
        optimizer="sgd", momentum=0.0, base_learning_rate=0.1, poly_learning_power=0.0
    )
    with strategy.scope():
        model = model or tiny.build_model()
        data = strategy.experimental_distribute_dataset(data or tiny.dataset())
        optimizer = build_optimizer(
            solver, model, model.encoder.trainable_variables, batch_size=4
        )
        trainer = StepTrainer(
            make_dataset=lambda first_batch: data,
            model=model,
            loss=loss or tiny.build_loss(),
            optimizer=optimizer,
            kernels=kernels(model),
            global_step=orbit.utils.create_global_step(),
            options=StepOptions(batch_size=4, **options),
            hooks=hooks or StepHooks(),
        )
    return trainer, model


def _loss_and_gradients(model, batch, weight_decay=0.0):
    """Computes with plain TensorFlow what one step should see."""
    decayed = [model.encoder.layers[0].kernel, model.semantic_last_layer.kernel]
    with tf.GradientTape() as tape:
        example = Example(**batch.device)
        output = model(example.image, training=True).main
        loss = 2.0 * tf.reduce_mean(tiny.cross_entropy(example, output))
        for kernel in decayed:
            loss += weight_decay / 2 * tf.reduce_sum(kernel**2)
    return loss, tape.gradient(loss, model.trainable_variables)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_one_step_follows_the_gradient(weight_decay):
    trainer, model = _trainer(weight_decay=weight_decay)
    reference = tiny.build_model()
    loss, gradients = _loss_and_gradients(reference, tiny.batch(0), weight_decay)
    values = trainer.train(tf.constant(1))
    assert values["losses/total_loss"] == pytest.approx(float(loss), rel=1e-5)
    assert values["gradient_norm"] == pytest.approx(
        float(tf.linalg.global_norm(gradients)), rel=1e-4
    )
    assert ("losses/weight_decay" in values) == (weight_decay > 0)
    for variable, before, gradient in zip(
        model.trainable_variables, reference.trainable_variables, gradients, strict=True
    ):
        np.testing.assert_allclose(variable, before - 0.1 * gradient, atol=1e-5)


def test_the_gradient_is_clipped_by_its_global_norm():
    trainer, model = _trainer(clip_norm=1e-3)
    before = [v.numpy() for v in model.trainable_variables]
    trainer.train(tf.constant(1))
    moved = [
        np.ravel(v - b) for v, b in zip(model.trainable_variables, before, strict=True)
    ]
    assert np.linalg.norm(np.concatenate(moved)) == pytest.approx(1e-4, rel=1e-2)


def test_two_devices_equal_one(two_replicas):
    solver = SolverOptions(optimizer="sgd", base_learning_rate=0.1)
    one, model_of_one = _trainer(solver=solver, weight_decay=0.1, clip_norm=0.5)
    two, model_of_two = _trainer(
        two_replicas, solver=solver, weight_decay=0.1, clip_norm=0.5
    )
    # Plain batch normalisation has the moments of its own half of the batch.
    for model in (model_of_one, model_of_two):
        model.encoder.layers[1].trainable = False
    values_of_one = one.train(tf.constant(3))
    values_of_two = two.train(tf.constant(3))
    assert values_of_two == pytest.approx(values_of_one, rel=1e-4)
    for a, b in zip(model_of_one.variables, model_of_two.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)


def test_no_string_goes_to_the_replicas(two_replicas):
    """Names of files stay on the host, and still name a batch that breaks."""
    inputs = []

    def spy(example, output):
        inputs.extend(tf.compat.v1.get_default_graph().inputs)
        assert example.image_filename is None
        return tiny.cross_entropy(example, output)

    loss = CompositeLoss({"semantic_loss": (1.0, spy)})
    trainer, _ = _trainer(two_replicas, loss=loss)
    trainer.train(tf.constant(1))
    dtypes = {value.dtype for value in inputs}
    assert tf.float32 in dtypes
    assert tf.int32 in dtypes
    assert tf.string not in dtypes


def test_averages_run_since_the_last_log():
    losses = []
    trainer, _ = _trainer(
        hooks=StepHooks(
            logs_at=lambda step: step != 2,
            after_step=lambda step, waited, values: losses.append(values),
        )
    )
    assert trainer.train(tf.constant(2)) == {}
    values = trainer.train(tf.constant(1))
    losses.append(trainer.last_values)
    # The losses of a step are known after the next.
    totals = [entry["total_loss"] for entry in losses if entry]
    assert values["losses/total_loss"] == pytest.approx(
        np.mean([totals[0], totals[1], totals[-1]]), rel=1e-5
    )
    assert int(trainer.count) == 0


def test_a_non_finite_batch_is_named_and_saved(tmp_path):
    good, bad = tiny.batch(0), tiny.batch(7)
    image = bad.device["image"].numpy()
    image[1, 2, 2, 0] = np.nan
    bad = bad._replace(device={**bad.device, "image": tf.constant(image)})
    data = tiny.in_turn([good, good, bad, good])
    trainer, _ = _trainer(data=data.repeat())
    with pytest.raises(NonFiniteLossError, match=r"step 3: .*total_loss nan") as caught:
        trainer.train(tf.constant(10))
    assert caught.value.filenames == [f"7_{i}.png" for i in range(4)]
    with np.load(save_batch(caught.value, tmp_path)) as saved:
        np.testing.assert_array_equal(saved["image"], image)
        assert saved["image_filename"].tolist() == caught.value.filenames


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(precision):
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(precision)
    try:
        model = tiny.build_model()
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    solver = SolverOptions(base_learning_rate=0.03)
    optimizer = build_optimizer(
        solver, model, model.encoder, 4, scale_loss=precision == "mixed_float16"
    )
    trainer = StepTrainer(
        make_dataset=lambda first_batch: tiny.dataset().skip(first_batch),
        model=model,
        loss=tiny.build_loss(),
        optimizer=optimizer,
        kernels=kernels(model),
        global_step=orbit.utils.create_global_step(),
        options=StepOptions(batch_size=4),
    )
    first = trainer.train(tf.constant(5))["losses/total_loss"]
    last = trainer.train(tf.constant(40))["losses/total_loss"]
    assert last < first
    assert model.encoder.layers[0].kernel.dtype == "float32"
