"""What every registered kind of norm must do."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.layers.convolution import Conv1D, Conv2DSame, DepthwiseConv2DSame
from deeplab.layers.normalization import normalization
from deeplab.layers.norms import NORMS
from deeplab.layers.recompute import recompute

KINDS = NORMS.names()
# Shape of the input -> the axes with parameters, as the layers of the network ask.
PLACES = {
    "features": ((3, 4, 5, 6), -1),
    "sequence": ((3, 7, 4), -1),
    "heads": ((3, 2, 5, 6), 1),
    "found": ((3, 2, 5, 4), (1, 3)),
    "terms": ((3, 4, 2, 5, 6), (0, 2)),
    "outputs": ((2, 4, 2, 5, 6), (0, 2, 4)),
    "masks": ((2, 4, 5, 3, 1), -1),
}


def config(kind, **options):
    return NormConfig(kind, momentum=0.5, groups=2, **options)


def norm_at(place, kind):
    grouped = place in ("features", "sequence")
    return config(kind) if grouped else config(kind).ungrouped()


def values(shape, seed=0):
    return np.random.default_rng(seed).normal(1.0, 2.0, shape).astype("float32")


def randomize(layer, seed=0):
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])


@pytest.fixture
def policy(request):
    tf_keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    tf_keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_those_of_the_config(kind):
    fields = {field.name for field in dataclasses.fields(NormConfig)}
    assert set(NORMS.get(kind).options) <= fields - {"kind", "weight_standardization"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "policy", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16"], indirect=True
)
def test_shape_and_precision_stay(kind, place, policy):
    shape, axis = PLACES[place]
    layer = normalization(norm_at(place, kind), axis=axis)
    dtype = policy.removeprefix("mixed_")
    for training in (False, True):
        output = layer(tf.cast(values(shape), dtype), training=training)
        assert (output.shape, output.dtype) == (shape, dtype)
        assert np.isfinite(tf.cast(output, tf.float32)).all()
    assert all(v.dtype == tf.float32 for v in layer.variables)


@pytest.mark.parametrize("kind", KINDS)
def test_size_may_be_unknown_until_run(kind):
    layer = normalization(config(kind))
    x = values((2, 5, 4, 6))
    layer(x)
    spec = tf.TensorSpec([None, None, None, 6])
    run = tf.function(lambda x: layer(x, training=True), input_signature=[spec])
    output = run.get_concrete_function().outputs[0]
    assert output.shape.as_list() == [None, None, None, 6]
    np.testing.assert_allclose(run(x), layer(x, training=True), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_input_and_weights_get_gradients(kind, training):
    layer = normalization(config(kind))
    x = tf.constant(values((3, 4, 5, 6)))
    layer(x)
    randomize(layer)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=training) ** 3)
    for gradient in tape.gradient(loss, [x, *layer.trainable_variables]):
        assert gradient is not None
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_changes_no_state_and_sees_each_image_alone(kind):
    layer = normalization(config(kind))
    x = values((3, 4, 5, 6))
    layer(x, training=True)
    before = layer.get_weights()
    together = layer(x, training=False)
    for image in range(3):
        alone = layer(x[image : image + 1], training=False)
        np.testing.assert_allclose(alone[0], together[image], rtol=1e-4, atol=1e-5)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_affine_is_all_that_the_layer_does(kind, place):
    shape, axis = PLACES[place]
    layer = normalization(norm_at(place, kind), axis=axis)
    x = values(shape)
    assert layer.affine() is None  # There are no weights yet.
    layer(x)
    randomize(layer)
    for training in (False, True):
        affine = layer.affine(training)
        if affine is None:
            continue
        scale, shift = (np.asarray(value) for value in affine)
        if axis == 1:
            scale, shift = (v[:, np.newaxis, np.newaxis] for v in (scale, shift))
        np.testing.assert_allclose(
            layer(x, training=training), x * scale + shift, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("standardized", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_folding_changes_nothing_but_the_order_of_rounding(
    kind, policy, training, standardized
):
    norm = config(kind, weight_standardization=standardized)
    layers = {
        "_conv": Conv2DSame(4, 3, name="c", norm=norm),
        "_depthwise_conv": DepthwiseConv2DSame(3, name="d", norm=norm),
    }
    image = values((2, 6, 7, 4))
    cases = [(*item, image) for item in layers.items()]
    cases.append(("_conv", Conv1D(4, name="p", norm=norm), values((2, 9, 4))))
    for attribute, layer, inputs in cases:
        layer(inputs)
        randomize(layer)
        x = tf.cast(inputs, "float32" if policy == "float32" else "bfloat16")
        unfolded = layer._batch_norm(getattr(layer, attribute)(x), training=training)
        # Moving averages are those of evaluation in the second call too.
        output = layer(inputs, training=training)
        assert output.dtype == unfolded.dtype == x.dtype
        size = float(tf.reduce_max(tf.abs(tf.cast(unfolded, tf.float32))))
        tolerance = 1e-5 if policy == "float32" else 3e-2
        difference = tf.cast(output, tf.float32) - tf.cast(unfolded, tf.float32)
        assert np.abs(difference).max() < tolerance * size, attribute


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_sixteen_bits_are_close(kind, training):
    exact, mixed = (
        normalization(config(kind)),
        normalization(config(kind), dtype="mixed_bfloat16"),
    )
    x = values((3, 4, 5, 6))
    for layer in (exact, mixed):
        layer(x)
        randomize(layer)
    np.testing.assert_allclose(
        tf.cast(mixed(x, training=training), tf.float32),
        exact(x, training=training),
        rtol=2e-2,
        atol=5e-2,
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_xla_computes_the_same(kind, training):
    results = []
    x = tf.constant(values((3, 4, 5, 6)))
    for jit_compile in (False, True):
        layer = normalization(config(kind))
        layer(x)
        randomize(layer)

        @tf.function(jit_compile=jit_compile)
        def step(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                output = layer(x, training=training)
                loss = tf.reduce_sum(output**3)
            return output, *tape.gradient(loss, [x, *layer.trainable_variables])

        results.append([*step(x), *layer.get_weights()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_recomputing_changes_nothing(kind):
    results = []
    x = tf.constant(values((3, 4, 5, 6)))
    for wrap in (lambda function: function, recompute):
        layer = normalization(config(kind))
        layer(x)
        randomize(layer)
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = wrap(lambda x, layer=layer: layer(x, training=True))(x)
            loss = tf.reduce_sum(output**3)
        gradients = tape.gradient(loss, [x, *layer.trainable_variables])
        results.append([*gradients, *layer.get_weights()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_survive_a_checkpoint(kind, tmp_path):
    saved, loaded = (normalization(config(kind)) for _ in range(2))
    x = values((3, 4, 5, 6))
    for layer in (saved, loaded):
        layer(x)
    randomize(saved)
    path = tf.train.Checkpoint(norm=saved).write(str(tmp_path / "weights"))
    tf.train.Checkpoint(norm=loaded).read(path).assert_consumed()
    np.testing.assert_array_equal(saved(x), loaded(x))
