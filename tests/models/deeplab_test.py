import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from google.protobuf import text_format

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.core.structures import CenterOffsetOutput, Outputs, Prediction
from deeplab.heads import ARCHITECTURES
from deeplab.models.scales import InferenceScales, TrainingScales
from deeplab.protos.model_pb2 import ModelOptions
from tests.models.assembled import assemble
from tests.numbered import numbered_dataset
from tests.parity import parity

OPTIONS = """
  backbone {
    name: "mobilenet_v3_small" backbone_width_multiplier: 0.125 output_stride: 16
  }
  decoder {
    feature_key: "res5" decoder_channels: 8 aspp_channels: 8
    atrous_rates: 1 atrous_rates: 2 atrous_rates: 3
  }
  panoptic_deeplab {
    low_level { feature_key: "res2" channels_project: 4 }
    semantic_head { output_channels: 3 head_channels: 8 }
    instance {
      center_head { output_channels: 1 head_channels: 4 }
      regression_head { output_channels: 2 head_channels: 4 }
    }
  }
"""


INFO = numbered_dataset(3)


def build(policy="float32", **arguments):
    options = text_format.Parse(OPTIONS, ModelOptions())
    norm = NormConfig()
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        backbone = BACKBONES.get(options.backbone.name)(options, norm)
        head = ARCHITECTURES.get("panoptic_deeplab").build_head(
            options, backbone.feature_specs, norm, INFO
        )
        model = assemble(backbone, head, **arguments)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    parity.fill_weights(model.checkpoint_items)
    return model


def images(height=33, width=49, batch=2):
    return tf.random.stateless_uniform([batch, height, width, 3], [0, 1], 0, 255)


@pytest.mark.parametrize("size", [(33, 49), (40, 17), (1, 1)])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_outputs_have_the_size_of_the_image_and_32_bits(size, policy):
    model = build(policy)
    outputs = model(images(*size), training=True)
    assert isinstance(outputs, Outputs)
    assert not outputs.auxiliary
    trained = outputs.main
    assert isinstance(trained, CenterOffsetOutput)
    predicted = model(images(*size), training=False)
    assert isinstance(predicted, Prediction)
    for name, channels in (("semantic_logits", 3), ("offset_map", 2)):
        for output in (trained, predicted):
            value = getattr(output, name)
            assert value.dtype == tf.float32
            assert value.shape == [2, *size, channels]
    assert trained.center_heatmap.shape == [2, *size]
    assert predicted.center_heatmap.shape == [2, *size]
    assert predicted.semantic_pred is None
    np.testing.assert_allclose(
        predicted.semantic_probs, tf.nn.softmax(predicted.semantic_logits), atol=1e-6
    )


def test_bytes_are_images_too():
    model = build()
    rounded = tf.cast(images(), tf.uint8)
    for ours, theirs in zip(
        model.predict_maps(rounded),
        model.predict_maps(tf.cast(rounded, tf.float32)),
        strict=True,
    ):
        if ours is not None:
            np.testing.assert_array_equal(ours, theirs)


def test_the_network_sees_values_from_minus_one_to_one():
    model = build()
    seen = model.backbone(images() / 127.5 - 1.0)
    expected = model.head(seen).main.semantic_logits
    whole = model(images()).semantic_logits
    # Every fourth pixel is one of the head's.
    np.testing.assert_allclose(whole[:, ::4, ::4], expected, rtol=1e-3, atol=1e-4)


def test_pooling_windows_have_the_size_of_training_images():
    large, small = images(65, 65), images(33, 33)
    for crop, windowed in (((33, 33), True), (None, False), ((65, 65), False)):
        model = build(train_crop_size=crop)
        plain = build()
        difference = np.abs(
            model(large).semantic_logits - plain(large).semantic_logits
        ).max()
        assert (difference > 1e-5) == windowed
        np.testing.assert_allclose(
            model(small).semantic_logits, plain(small).semantic_logits, atol=1e-5
        )


def test_scales_and_flips_are_averaged_as_probabilities():
    model = build(inference=InferenceScales((0.75, 1.0), add_flipped=True))
    single = build()
    merged = model(images())
    parts = []
    for size in ((25, 37), (33, 49)):
        scaled = tf.raw_ops.ResizeBilinear(
            images=images(), size=size, align_corners=True
        )
        for flip in (False, True):
            seen = tf.reverse(scaled, [2]) if flip else scaled
            features = single.backbone(seen / 127.5 - 1.0)
            logits = single.head(features).main.semantic_logits
            logits = tf.reverse(logits, [2]) if flip else logits
            logits = tf.raw_ops.ResizeBilinear(
                images=logits, size=(33, 49), align_corners=True
            )
            parts.append(tf.nn.softmax(logits))
    np.testing.assert_allclose(
        merged.semantic_probs, tf.add_n(parts) / 4, rtol=1e-3, atol=1e-5
    )


def test_further_scales_are_auxiliary_outputs_of_image_size():
    model = build(training=TrainingScales((0.5,)))
    assert model.auxiliary_outputs == ("scale_0.5",)
    outputs = model(images(), training=True)
    assert outputs.auxiliary.keys() == {"scale_0.5"}
    for one in (outputs.main, outputs.auxiliary["scale_0.5"]):
        assert one.semantic_logits.shape == [2, 33, 49, 3]
    assert np.any(
        outputs.main.semantic_logits != outputs.auxiliary["scale_0.5"].semantic_logits
    )


def test_postprocessing_takes_the_images_and_fills_the_prediction():
    def postprocess(prediction, seen):
        np.testing.assert_array_equal(seen, batch)
        classes = tf.argmax(prediction.semantic_probs, -1, tf.int32)
        return prediction._replace(semantic_pred=classes)

    batch = tf.zeros([1, 33, 33, 3])
    model = build(postprocess=postprocess)
    batch = images()
    assert model(batch).semantic_pred.shape == [2, 33, 49]
    assert model.predict_maps(batch).semantic_pred is None


def test_sizes_may_be_unknown_until_run():
    model = build(train_crop_size=(33, 33))
    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    run = tf.function(model, input_signature=[spec])
    image = tf.cast(images(40, 57), tf.uint8)
    np.testing.assert_allclose(
        run(image).semantic_probs, model(image).semantic_probs, atol=1e-5
    )


def test_xla_computes_and_learns_the_same():
    plain, compiled = build(), build(jit_compile=True)
    np.testing.assert_allclose(
        compiled(images()).semantic_probs, plain(images()).semantic_probs, atol=1e-4
    )
    for module in (*plain.submodules, *compiled.submodules):
        if isinstance(module, tf_keras.layers.Dropout):
            module.rate = 0.0
    norms = []
    for model in (plain, compiled):
        with tf.GradientTape() as tape:
            logits = model(images(), training=True).main.semantic_logits
            loss = tf.reduce_mean(logits**2)
        gradients = tape.gradient(
            loss, model.trainable_variables, unconnected_gradients="zero"
        )
        norms.append([float(tf.norm(g)) for g in gradients])
    np.testing.assert_allclose(*norms, rtol=1e-2, atol=1e-3 * max(norms[0]))


def test_checkpoint_items_hold_every_weight_once():
    model = build()
    owned = [v for item in model.checkpoint_items.values() for v in item.variables]
    assert {id(v) for v in owned} == {id(v) for v in model.variables}
    assert len(owned) == len(model.variables)
    assert model.checkpoint_items["encoder"] is model.backbone


def test_autograph_leaves_the_layers_alone():
    states = []

    class Recorder(tf_keras.layers.Layer):
        def call(self, features):
            states.append(tf.__internal__.autograph.control_status_ctx().status.name)
            return features

    recorder = Recorder()

    def postprocess(prediction, images):
        del images
        probabilities = recorder(prediction.semantic_probs)
        return prediction._replace(semantic_probs=probabilities)

    model = build(postprocess=postprocess)
    states.clear()
    tf.function(lambda x: model(x, training=False))(images())
    assert states == ["DISABLED"]
