"""What every registered head must do, on features of a small backbone."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from google.protobuf import text_format

from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.heads import HEADS
from deeplab.models.multiscale import OFFSET_FIELDS
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
DECODER = """
  decoder {
    feature_key: "res5" decoder_channels: 8 aspp_channels: 8
    atrous_rates: 1 atrous_rates: 2 atrous_rates: 3
  }
"""
# Head name -> how a config selects it, each in one or more ways.
CONFIGS = {
    "deeplab_v3": ["deeplab_v3 { num_classes: 5 }"],
    "deeplab_v3_plus": [
        'deeplab_v3_plus { num_classes: 5 low_level { feature_key: "res2" '
        "channels_project: 4 } }"
    ],
    "panoptic_deeplab": [
        """
        panoptic_deeplab {
          low_level { feature_key: "res3" channels_project: 4 }
          low_level { feature_key: "res2" channels_project: 4 }
          semantic_head { output_channels: 5 head_channels: 8 }
          instance {
            center_head { output_channels: 1 head_channels: 4 }
            regression_head { output_channels: 2 head_channels: 4 }
          }
        }
        """,
        """
        panoptic_deeplab {
          low_level { feature_key: "res3" channels_project: 4 }
          semantic_head {
            output_channels: 5 head_channels: 8 head_conv_type: "standard_conv"
          }
          instance { enable: false }
        }
        """,
    ],
}
HEAD_OF_VIDEO = """
  {
    low_level { feature_key: "res3" channels_project: 4 }
    low_level { feature_key: "res2" channels_project: 4 }
    semantic_head { output_channels: 5 head_channels: 8 }
    instance {
      low_level_override { feature_key: "res2" channels_project: 4 }
      center_head { output_channels: 1 head_channels: 4 }
      regression_head { output_channels: 2 head_channels: 4 }
"""
NEXT_HEAD = "next_regression_head { output_channels: 2 head_channels: 4 }"
DEPTH_HEAD = """
  depth_head {
    output_channels: 1 head_channels: 4
    min_value_after_activation: 1 max_value_after_activation: 9
  }
"""
CONFIGS["motion_deeplab"] = [
    f"""
    motion_deeplab {HEAD_OF_VIDEO} }}
      motion_head {{ output_channels: 2 head_channels: 4 }}
    }}
    """
]
CONFIGS["vip_deeplab"] = [
    f"vip_deeplab {HEAD_OF_VIDEO} {NEXT_HEAD} }} {DEPTH_HEAD} }}",
    f"vip_deeplab {HEAD_OF_VIDEO} {NEXT_HEAD} }} }}",
]
MASKS = """
    max_deeplab {
      pixel_space_head { output_channels: 6 head_channels: 8 }
      auxiliary_low_level { feature_key: "res2" channels_project: 4 }
      auxiliary_semantic_head { output_channels: 5 head_channels: 8 }
"""
TINY_KMAX = f"""
    {MASKS} num_mask_slots: {SLOTS}
      decoder_width_multiplier: 0.0625 decoder_layer_multiplier: 0.2
      transformer_decoder_drop_path_keep_prob: 1.0
    }}
"""
CONFIGS["max_deeplab"] = [f"{MASKS} }}", TINY_KMAX]
CASES = [
    pytest.param(name, text, id=f"{name}-{index}")
    for name, texts in CONFIGS.items()
    for index, text in enumerate(texts)
]


def specs_of(text):
    return {**SPECS, **(STAGE_SPECS if text == TINY_KMAX else MEMORY_SPECS)}


def build(name, text, norm=None):
    options = text_format.Parse(DECODER + text, ModelOptions())
    return HEADS.get(name)(options, specs_of(text), norm or NormConfig(), INFO)


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
    return {k: v for k, v in output._asdict().items() if tf.is_tensor(v)}


def randomize(head, seed=0):
    rng = np.random.default_rng(seed)
    for variable in head.variables:
        variable.assign_add(rng.uniform(0.0, 0.2, variable.shape).astype("float32"))


def test_every_head_is_covered():
    # That of a classifier gives no maps; tests/models/classifier_test.py has it.
    assert {*CONFIGS, "image_classifier"} == set(HEADS.names())


@pytest.mark.parametrize(("name", "text"), CASES)
@pytest.mark.parametrize("size", [(33, 49), (40, 17)])
def test_outputs_are_float_maps_at_one_stride(name, text, size):
    output = build(name, text)(features(*size))
    height, width = output.semantic_logits.shape[1:3]
    assert output.semantic_logits.shape[-1] == CLASSES
    assert (height, width) in [features(*size)[key].shape[1:3] for key in SPECS]
    for field, value in fields(output).items():
        assert value.dtype == tf.float32, field
        if field == "transformer_class_logits":
            assert value.shape == [2, SLOTS, CLASSES + 1]
            continue
        # Depth alone is twice as fine.
        shape = (2 * height - 1, 2 * width - 1)
        expected = shape if field == "depth_pred" else (height, width)
        assert value.shape[1:3] == expected, field
    for field in OFFSET_FIELDS & set(output._fields):
        assert getattr(output, field).shape[-1] == 2


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


@pytest.mark.parametrize(("name", "text"), CASES)
def test_training_flag_and_pool_size_matter(name, text):
    head = build(name, text)
    head(features())
    randomize(head)
    whole = head(features(), training=False).semantic_logits
    window = head(features(), pool_size=(1, 2), training=False).semantic_logits
    trained = head(features(), training=True).semantic_logits
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
        ours = getattr(rounded, field)
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
        parts = strategy.experimental_local_results(getattr(output, field))
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
def test_what_does_not_fit_is_refused(name, text):
    with pytest.raises(ValueError, match="the data set has 5 classes"):
        build(name, text.replace(": 5", ": 7"))
    options = text_format.Parse(DECODER + text, ModelOptions())
    options.decoder.feature_key = "res4"
    with pytest.raises(ValueError, match=r"no feature 'res4'.*res2, res3, res5"):
        HEADS.get(name)(options, specs_of(text), NormConfig(), INFO)
    options.decoder.feature_key = "res5"
    del options.decoder.atrous_rates[0]
    with pytest.raises(ValueError, match="three rates"):
        HEADS.get(name)(options, specs_of(text), NormConfig(), INFO)


def without_dropout(head):
    for module in head.submodules:
        if isinstance(module, tf_keras.layers.Dropout):
            module.rate = 0.0
    return head
