"""Models: their keys, their size, and what they make of an image."""

import numpy as np
import tensorflow as tf

from deeplab import config as configs
from deeplab import factory
from deeplab.core.structures import present
from deeplab.plan import resolve
from tests.parity import parity

# Trainable parameters x pixels: what a few seconds suffice for.
CHEAP = 3.7e11
# As above, of the only model of its architecture in every run.
DEAR = 5e11


def cost(record):
    """Returns trainable parameters x pixels."""
    _, height, width, _ = record.fields["input_shape"]
    return record.fields["trainable_params"] * height * width


def is_slow(record, records):
    """Whether a model takes long, and others show its architecture in every run."""
    architecture = record.fields.get("meta")
    alike = [r for r in records if r.fields.get("meta") == architecture]
    is_first = record == min(alike, key=lambda r: (cost(r), r.name))
    return cost(record) > (DEAR if is_first else CHEAP)


def built(fields):
    """Returns the model of a record."""
    return factory.build_model(configs.parse_config(fields["config_text"]))


def predicted(model, fields):
    """Returns what a model makes of the recorded input."""
    if fields["meta"] == "motion_deeplab":
        return _raw_outputs(model, fields)
    image = parity.input_image(*fields["input_shape"][1:], fields["input_seed"])
    return model(tf.constant(image), training=False)


def check_model(record, _):
    """Compares keys, number of weights, and every field of the prediction."""
    fields = record.fields
    model = built(fields)

    assert parity.fill_weights(model.checkpoint_items) == fields["keys"]
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert count == fields["trainable_params"]

    prediction = as_published(present(predicted(model, fields)))
    assert set(prediction) >= set(fields["outputs"])
    # Published for one mask transformer and not for the other: follow from logits.
    assert set(prediction) - set(fields["outputs"]) <= {"semantic_probs"}
    divisor = resolve(configs.parse_config(fields["config_text"])).info.label_divisor
    for name, summary in fields["outputs"].items():
        check_output(name, prediction[name].numpy(), summary, divisor)


def as_published(prediction):
    """Returns a prediction under the published names.

    There, masks have the auxiliary semantic output under the name of the main one.
    """
    auxiliary = prediction.pop("auxiliary_semantic_logits", None)
    if auxiliary is not None:
        prediction["semantic_logits"] = auxiliary
        prediction["semantic_probs"] = tf.nn.softmax(auxiliary)
    return prediction


def check_output(name, value, summary, divisor):
    """Compares a field of a prediction with the record's summary of it.

    Args:
      name: the field's.
      value: the field.
      summary: shape, largest value and samples, as recorded.
      divisor: of panoptic labels.
    """
    samples = value.reshape(-1)[summary["index"]]
    if name.endswith("panoptic_pred"):
        published = np.array(summary["value"], np.int64)
        assert_equal_but_for_numbering(samples.astype(np.int64), published, divisor)
    elif value.dtype == np.int32:
        np.testing.assert_array_equal(samples, summary["value"], err_msg=name)
    elif np.isnan(summary["absmax"]):
        # The largest network overflows with these weights, as published.
        np.testing.assert_array_equal(samples, summary["value"], err_msg=name)
        assert list(value.shape) == summary["shape"]
    else:
        assert parity.max_error(summary, value) < 1e-4, name


def _raw_outputs(model, fields):
    """Returns what the head makes of two frames and a heatmap, as recorded."""
    height, width = fields["input_shape"][1:3]
    frames = parity.input_image(height, width, 6, fields["input_seed"])
    rng = np.random.default_rng(fields["input_seed"] + 7)
    heatmap = rng.random([1, height, width, 1]) * 255
    inputs = np.concatenate([frames, heatmap], axis=-1).astype("float32")
    output = model.head(model.backbone(tf.constant(inputs / 127.5 - 1))).main
    # Published with the axis of its only channel.
    return output._replace(center_heatmap=output.center_heatmap[..., tf.newaxis])


def assert_equal_but_for_numbering(labels, published, divisor):
    """The published numbers of a class's instances are in a hash table's order."""
    np.testing.assert_array_equal(labels // divisor, published // divisor)
    np.testing.assert_array_equal(labels % divisor == 0, published % divisor == 0)
    pairs = set(zip(labels.tolist(), published.tolist(), strict=True))
    assert len(pairs) == len(np.unique(labels)) == len(np.unique(published))
