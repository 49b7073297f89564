"""What every architecture's head must do, on features of a small backbone."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from google.protobuf import text_format

from deeplab.core.fields import Kind
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import PREDICTION_FIELDS, present
from deeplab.data.targets import TARGETS
from deeplab.heads import ARCHITECTURES, selected_architecture
from deeplab.losses import LOSSES
from deeplab.metrics import METRICS
from deeplab.models.forward_passes import FORWARD_PASSES
from deeplab.models.video import VIDEO_STATES
from deeplab.postprocess import POSTPROCESSORS
from deeplab.protos.model_pb2 import ModelOptions
from tests.numbered import numbered_dataset

CLASSES = 5
INFO = numbered_dataset(CLASSES)
SPECS = {
    "res2": FeatureSpec(8, 4),
    "res3": FeatureSpec(12, 8),
    "res5": FeatureSpec(16, 16),
}
# What a backbone with a memory path offers besides.
MEMORY_SPECS = {
    "feature_panoptic": FeatureSpec(8, 4),
    "feature_semantic": FeatureSpec(16, 16),
    "transformer_class_feature": FeatureSpec(6, 0),
    "transformer_mask_feature": FeatureSpec(6, 0),
}
# And what kMaX-DeepLab takes of a pixel encoder: strides 32 to 4.
STAGE_SPECS = {
    f"stage{i}": FeatureSpec(channels, 2**i)
    for i, channels in enumerate((4, 8, 12, 16, 20), start=1)
}
SLOTS = 7
CASES = [
    pytest.param(name, text, id=f"{name}-{index}")
    for name in ARCHITECTURES.names()
    for index, text in enumerate(ARCHITECTURES.get(name).tiny_configs)
]
DENSE_CASES = [
    case for case in CASES if not ARCHITECTURES.get(case.values[0]).learning.image_class
]
DECODER_CASES = [case for case in CASES if "decoder {" in case.values[1]]


def specs_of(options):
    """Only encoders of kMaX-DeepLab have no path for a memory."""
    has_memory = not options.backbone.name.startswith("kmax_")
    return {**SPECS, **STAGE_SPECS, **(MEMORY_SPECS if has_memory else {})}


def build(name, text, norm=None):
    options = text_format.Parse(text, ModelOptions())
    return build_options(name, options, norm)


def build_options(name, options, norm=None):
    architecture = ARCHITECTURES.get(name)
    return architecture.build_head(
        options, specs_of(options), norm or NormConfig(), INFO
    )


def classes_of(output):
    """Returns the logits of classes, under whichever name."""
    (name,) = {
        "semantic_logits",
        "auxiliary_semantic_logits",
        "class_logits",
    } & set(output.main._fields)
    return getattr(output.main, name)


def features(height=33, width=49, batch=2, dtype=tf.float32):
    result = {}
    specs = {**SPECS, **MEMORY_SPECS, **STAGE_SPECS}
    for i, (key, spec) in enumerate(specs.items()):
        shape = [batch, SLOTS]
        if spec.stride:
            shape = [batch, *(math.ceil(n / spec.stride) for n in (height, width))]
        value = tf.random.stateless_uniform([*shape, spec.channels], [i, 1], -1, 1)
        result[key] = tf.cast(value, dtype)
    return result


def fields(output):
    """Returns what the main output holds."""
    return present(output.main)


def randomize(head, seed=0):
    rng = np.random.default_rng(seed)
    for variable in head.variables:
        variable.assign_add(rng.uniform(0.0, 0.2, variable.shape).astype("float32"))


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_every_architecture_is_covered(name):
    architecture = ARCHITECTURES.get(name)
    assert architecture.tiny_configs
    for text in architecture.tiny_configs:
        options = text_format.Parse(text, ModelOptions())
        assert selected_architecture(options) == (name, architecture)
        assert architecture.selection.num_classes(options) == CLASSES
        head = build(name, text)
        items = set(head.checkpoint_items)
        layers = architecture.last_layers
        assert items >= {*layers.semantic, *layers.instance} or not layers.instance
        assert items & set(layers.semantic)
    evaluation = architecture.evaluation
    assert evaluation.main_metric.split("/")[0] in evaluation.metrics
    assert set(evaluation.metrics) <= set(METRICS.names())
    assert evaluation.postprocessor in POSTPROCESSORS.names()
    assert set(architecture.learning.terms) <= set(LOSSES.names())
    assert set(architecture.learning.targets) <= set(TARGETS.names())
    assert architecture.frames.forward in FORWARD_PASSES.names()
    assert architecture.frames.video_state in ("", *VIDEO_STATES.names())


@pytest.mark.parametrize(("name", "text"), CASES)
def test_outputs_are_fields_of_predictions(name, text):
    head = build(name, text)
    outputs = head(features(), training=True)
    assert tuple(outputs.auxiliary) == head.auxiliary_outputs
    assert not head(features(), training=False).auxiliary
    for output in (outputs.main, *outputs.auxiliary.values()):
        for field, value in present(output).items():
            record = PREDICTION_FIELDS[field]
            assert value.dtype == tf.float32, field
            assert record.rank in (-1, value.shape.rank), field
            if record.kind is Kind.OFFSETS:
                assert value.shape[-1] == 2, field


@pytest.mark.parametrize(("name", "text"), DENSE_CASES)
@pytest.mark.parametrize("size", [(33, 49), (40, 17)])
def test_outputs_are_maps_at_one_stride(name, text, size):
    output = build(name, text)(features(*size))
    height, width = classes_of(output).shape[1:3]
    assert classes_of(output).shape[-1] == CLASSES
    assert (height, width) in [features(*size)[key].shape[1:3] for key in SPECS]
    for field, value in fields(output).items():
        if field == "transformer_class_logits":
            assert value.shape == [2, SLOTS, CLASSES + 1]
            continue
        # Depth alone is twice as fine.
        shape = (2 * height - 1, 2 * width - 1)
        expected = shape if field == "depth_pred" else (height, width)
        assert value.shape[1:3] == expected, field


@pytest.mark.parametrize(("name", "text"), CASES)
def test_sizes_may_be_unknown_until_run(name, text):
    head = build(name, text)
    head(features())
    randomize(head)
    spec = {
        key: tf.TensorSpec([None] * (value.shape.rank - 1) + [value.shape[-1]])
        for key, value in features().items()
    }
    run = tf.function(
        lambda x: head(x, pool_size=(2, 9), training=False), input_signature=[spec]
    )
    expected = head(features(), pool_size=(2, 9), training=False)
    found = fields(run(features()))
    for field, theirs in fields(expected).items():
        np.testing.assert_allclose(found[field], theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "text"), CASES)
def test_every_weight_learns(name, text):
    head = build(name, text)
    head(features())
    randomize(head)
    with tf.GradientTape() as tape:
        output = head(features(), pool_size=(2, 2), training=True)
        values = tf.nest.flatten(output)  # Auxiliary outputs as well.
        loss = tf.add_n([tf.reduce_sum(v**2) for v in values if v is not None])
    gradients = tape.gradient(loss, head.trainable_variables)
    for variable, gradient in zip(head.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        gradient = tf.convert_to_tensor(gradient)  # Those of encodings are sparse.
        assert np.isfinite(gradient).all(), variable.name
        assert np.abs(gradient).max() > 0, variable.name


@pytest.mark.parametrize(("name", "text"), DECODER_CASES)
def test_training_flag_and_pool_size_matter(name, text):
    head = build(name, text)
    head(features())
    randomize(head)
    whole = classes_of(head(features(), training=False))
    window = classes_of(head(features(), pool_size=(1, 2), training=False))
    trained = classes_of(head(features(), training=True))
    assert np.abs(window - whole).max() > 1e-4
    assert np.abs(trained - whole).max() > 1e-4


@pytest.mark.parametrize(("name", "text"), CASES)
def test_mixed_precision_is_close(name, text):
    exact = build(name, text)
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = build(name, text)
        mixed(features(dtype=tf.bfloat16))
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    exact(features())
    randomize(exact)
    mixed.set_weights(exact.get_weights())
    rounded = mixed(features(dtype=tf.bfloat16), training=False)
    expected = fields(exact(features(), training=False))
    for field, theirs in expected.items():
        ours = getattr(rounded.main, field)
        assert ours.dtype == tf.float32
        assert np.abs(ours - theirs).mean() < 0.05 * np.abs(theirs).mean()


@pytest.mark.parametrize(("name", "text"), CASES)
def test_two_replicas_compute_what_one_does(name, text):
    single = build(name, text)
    single(features())
    randomize(single)
    weights = single.get_weights()
    whole = features(batch=4)
    expected = without_dropout(single)(whole, training=True)
    strategy = tf.distribute.MirroredStrategy(
        [d.name for d in tf.config.list_logical_devices("CPU")[:2]],
        # Collectives of two strategies in one process get in each other's way.
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        mirrored = without_dropout(build(name, text, NormConfig("sync_batch")))
        mirrored(features())
        mirrored.set_weights(weights)
    batch = strategy.experimental_distribute_values_from_function(
        lambda context: {
            key: tf.split(value, 2)[context.replica_id_in_sync_group]
            for key, value in whole.items()
        }
    )
    forward = tf.function(
        lambda x: strategy.run(lambda y: mirrored(y, training=True), args=(x,))
    )
    output = forward(batch)
    for field, theirs in fields(expected).items():
        parts = strategy.experimental_local_results(getattr(output.main, field))
        np.testing.assert_allclose(
            tf.concat(parts, 0), theirs, rtol=1e-3, atol=1e-3, err_msg=field
        )


@pytest.mark.parametrize(("name", "text"), CASES)
def test_checkpoint_items_hold_every_weight(name, text, tmp_path):
    saved = build(name, text)
    saved(features())
    randomize(saved)
    owned = [id(v) for item in saved.checkpoint_items.values() for v in item.variables]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(v) for v in saved.variables}
    path = tf.train.Checkpoint(**saved.checkpoint_items).write(str(tmp_path / "head"))
    loaded = build(name, text)
    loaded(features())
    tf.train.Checkpoint(**loaded.checkpoint_items).read(path).assert_consumed()
    found = fields(loaded(features()))
    for field, theirs in fields(saved(features())).items():
        np.testing.assert_array_equal(found[field], theirs, err_msg=field)


@pytest.mark.parametrize(("name", "text"), CASES)
def test_other_classes_than_the_data_set_has_are_refused(name, text):
    with pytest.raises(ValueError, match="the data set has 5 classes"):
        build(name, text.replace(": 5", ": 7"))


@pytest.mark.parametrize(("name", "text"), DECODER_CASES)
def test_a_decoder_that_does_not_fit_is_refused(name, text):
    options = text_format.Parse(text, ModelOptions())
    options.decoder.feature_key = "res4"
    with pytest.raises(ValueError, match=r"no feature 'res4'.*res2, res3, res5"):
        build_options(name, options)
    options.decoder.feature_key = "res5"
    del options.decoder.atrous_rates[0]
    with pytest.raises(ValueError, match="three rates"):
        build_options(name, options)


def without_dropout(head):
    for module in head.submodules:
        if isinstance(module, tf_keras.layers.Dropout):
            module.rate = 0.0
    return head
