"""What every registered backbone must do, at the smallest sizes it has."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.protos.model_pb2 import ModelOptions

# Other sizes of networks that are tested anyway.
SIZES = {
    "axial_deeplab_l",
    "axial_resnet_l",
    "axial_resnet_s",
    "max_deeplab_l",
    "max_deeplab_l_backbone",
    "max_deeplab_s",
    "max_deeplab_s_backbone",
    "convnext_base",
    "convnext_large",
    "convnext_small",
    "kmax_axial_resnet50",
    "kmax_convnext_base",
    "kmax_convnext_large",
    "kmax_convnext_small",
    "kmax_convnext_tiny",
    "kmax_resnet50",
    "moat0",
    "moat1",
    "moat2",
    "moat3",
    "moat4",
    "mobilenet_v3_large",
    "resnet50_beta",
    "tiny_moat1",
    "tiny_moat2",
    "tiny_moat3",
    "wide_resnet41",
}
# The same networks as `moat*`, by names that tell of their pretraining.
ALIASES = ("kmax_moat", "kmax_tiny_moat")
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SIZES else [])
    for name in BACKBONES.names()
    if not name.startswith(ALIASES)
]
# The quickest networks with other norms, as `build` reads them.
OTHER_NORMS = [
    f"{name}+{kind}"
    for name in ("mobilenet_v3_small", "resnet50")
    for kind in ("frozen_batch", "group")
]
NAMES += OTHER_NORMS
FIXED_STRIDE = ("moat", "tiny_moat")
WITH_ATTENTION = ("axial", "kmax_axial", "max_deeplab")
WITHOUT_BATCH_NORM = ("convnext", "kmax_convnext")


def build(network, norm=None, **options):
    """Builds a backbone; a kind of norm may follow its name and a plus sign."""
    name, _, kind = network.partition("+")
    norm = norm or NormConfig()
    if kind:
        norm = dataclasses.replace(norm, kind=kind, groups=2)
    settings = {
        "output_stride": 32,
        "stem_width_multiplier": 0.25,
        "backbone_width_multiplier": 0.125,
        "use_squeeze_and_excite": True,
        **options,
    }
    if not name.startswith("mobilenet"):
        few = 0.5 if name.startswith(FIXED_STRIDE) else 0.34
        settings.setdefault("backbone_layer_multiplier", few)
    message = ModelOptions(backbone={"name": name, **settings})
    return BACKBONES.get(name)(message, norm)


def images(height=33, width=65, batch=2, seed=0):
    return tf.random.stateless_uniform([batch, height, width, 3], [seed, 0], -1.0)


def randomize(model, seed=0):
    """Gives every weight a value, so that no residual path is zero."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        noise = rng.normal(0, 0.1, variable.shape)
        is_norm = "gamma" in variable.name or "variance" in variable.name
        base = 1.0 if is_norm else variable.numpy()
        variable.assign(np.asarray(base + noise, "float32"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("stride", "size"), [(8, (33, 65)), (16, (40, 50)), (32, (1, 7))]
)
def test_features_are_as_specified(name, stride, size):
    if name.startswith(FIXED_STRIDE) and stride != 32:
        with pytest.raises(ValueError, match=f"output_stride {stride}"):
            build(name, output_stride=stride)
        return
    backbone = build(name, output_stride=stride)
    features = backbone(images(*size), training=False)
    assert set(features) == set(backbone.feature_specs)
    assert {"res2", "res3", "res4", "res5"} <= set(features)
    for key, spec in backbone.feature_specs.items():
        if not spec.stride:
            assert features[key].shape[::2] == [2, spec.channels], key
            continue
        expected = [math.ceil(side / spec.stride) for side in size]
        assert features[key].shape == [2, *expected, spec.channels], key
    assert backbone.feature_specs["res5"].stride == stride


@pytest.mark.parametrize("name", NAMES)
def test_size_may_be_unknown_until_run(name):
    backbone = build(name)
    spec = tf.TensorSpec([None, None, None, 3])
    run = tf.function(lambda x: backbone(x, training=False), input_signature=[spec])
    image = images(35, 50)
    # The first pixels of odd sizes alike are padded alike.
    for key, value in backbone(image, training=False).items():
        atol = 1e-5 * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(run(image)[key], value, atol=atol, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_learns(name):
    backbone = build(name)
    backbone(images())
    randomize(backbone)
    with tf.GradientTape() as tape:
        features = backbone(images(), training=True)
        loss = tf.add_n([tf.reduce_sum(v**2) for v in features.values()])
    gradients = tape.gradient(loss, backbone.trainable_variables)
    for variable, gradient in zip(backbone.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name


@pytest.mark.parametrize("name", NAMES)
def test_training_normalizes_by_the_batch_and_moves_averages(name):
    if name.startswith(WITHOUT_BATCH_NORM) or name in OTHER_NORMS:
        pytest.skip("normalises in training and evaluation alike")
    backbone = build(name)
    evaluated = backbone(images(), training=False)["res5"]
    before = [v.numpy() for v in backbone.non_trainable_variables]
    trained = backbone(images(), training=True)["res5"]
    after = [v.numpy() for v in backbone.non_trainable_variables]
    assert np.abs(trained - evaluated).max() > 1e-3
    assert all((a != b).any() for a, b in zip(after, before, strict=True))
    backbone(images(), training=False)
    for a, b in zip(after, backbone.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["convnext_tiny", *OTHER_NORMS])
def test_other_norms_do_the_same_in_training_and_change_no_state(name):
    backbone = build(name)
    backbone(images())
    randomize(backbone)
    before = backbone.get_weights()
    trained = backbone(images(), training=True)["res5"]
    evaluated = backbone(images(), training=False)["res5"]
    np.testing.assert_allclose(trained, evaluated, rtol=1e-4, atol=1e-5)
    for a, b in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_atrous_features_contain_the_strided_ones(name):
    if name.startswith(FIXED_STRIDE):
        pytest.skip("has one output stride")
    if name.startswith(WITH_ATTENTION):
        pytest.skip("attention sees more positions where the stride is smaller")
    if name.endswith("+group"):
        pytest.skip("statistics of an image are over more positions")
    strided = build(name, output_stride=32, use_squeeze_and_excite=False)
    atrous = build(name, output_stride=8, use_squeeze_and_excite=False)
    for model in (strided, atrous):
        model(images())
    randomize(strided)
    atrous.set_weights(strided.get_weights())
    coarse = strided(images(65, 97), training=False)["res5"]
    fine = atrous(images(65, 97), training=False)["res5"]
    np.testing.assert_allclose(fine[:, ::4, ::4], coarse, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_is_close(name):
    # The averages of one batch are taken over at once, so that features stay small.
    norm = NormConfig(momentum=0.0)
    exact = build(name, norm)
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = build(name, norm)
        mixed(images())
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    exact(images())
    randomize(exact)
    exact(images(), training=True)
    mixed.set_weights(exact.get_weights())
    assert all(v.dtype == tf.float32 for v in mixed.variables)
    # What rounding nothing but the input does to deep features shows how far they may
    # move: each layer of 16 bits rounds as much again.
    nudged = tf.cast(tf.cast(images(), tf.bfloat16), tf.float32)
    for training, tolerance in ((False, 0.1), (True, 0.2)):
        outputs = exact(images(), training=training)
        sensitive = exact(nudged, training=training)
        for key, value in outputs.items():
            rounded = mixed(images(), training=training)[key]
            assert rounded.dtype == tf.bfloat16
            error = np.abs(tf.cast(rounded, tf.float32) - value).mean()
            allowed = 10 * np.abs(sensitive[key] - value).mean()
            size = np.abs(value).mean()
            assert error < max(tolerance * size, min(allowed, size)), (key, training)


@pytest.mark.parametrize("name", NAMES)
def test_recomputing_changes_nothing_but_memory(name):
    plain, recomputed = build(name), build(name, recompute=True)
    for model in (plain, recomputed):
        model(images())
    randomize(plain)
    recomputed.set_weights(plain.get_weights())
    results = []
    for model in (plain, recomputed):

        @tf.function
        def step(model=model):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(images(), training=True)["res5"] ** 2)
            variables = model.trainable_variables
            return tape.gradient(loss, variables, unconnected_gradients="zero")

        results.append((step(), model.non_trainable_variables))
    for kind, (ours, theirs) in enumerate(zip(*results, strict=True)):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5, err_msg=str(kind))


@pytest.mark.parametrize("name", NAMES)
def test_two_replicas_compute_what_one_does(name, two_replicas):
    single = build(name)
    single(images())
    randomize(single)
    weights = single.get_weights()
    expected = single(images(batch=4), training=True)["res5"]
    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy(
        [d.name for d in devices[:2]],
        # Collectives of two strategies in one process get in each other's way.
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        mirrored = build(name, NormConfig("sync_batch"))
        mirrored(images())
        mirrored.set_weights(weights)

    @tf.function
    def forward(batch):
        return strategy.run(lambda x: mirrored(x, training=True)["res5"], args=(batch,))

    whole = images(batch=4)
    batch = strategy.experimental_distribute_values_from_function(
        lambda context: tf.split(whole, 2)[context.replica_id_in_sync_group]
    )
    parts = strategy.experimental_local_results(forward(batch))
    np.testing.assert_allclose(tf.concat(parts, 0), expected, rtol=1e-3, atol=1e-3)
    for ours, theirs in zip(mirrored.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_weights_survive_a_checkpoint(name, tmp_path):
    saved = build(name)
    expected = saved(images(), training=True)
    expected = saved(images(), training=False)
    path = tf.train.Checkpoint(model=saved).write(str(tmp_path / "weights"))
    loaded = build(name)
    loaded(images())
    tf.train.Checkpoint(model=loaded).read(path).assert_consumed()
    for key, value in loaded(images(), training=False).items():
        np.testing.assert_array_equal(value, expected[key], err_msg=key)
