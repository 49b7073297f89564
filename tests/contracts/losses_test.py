"""What every loss promises; a new one is covered by its line in the registry."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example
from deeplab.losses import LOSSES
from deeplab.losses.base import TermOptions

INFO = DatasetInfo(
    name="contract",
    classes=tuple(ClassInfo(i, str(i), i > 2, (0, 0, 0), i) for i in range(5)),
    num_classes=5,
    ignore_label=255,
    label_divisor=1000,
    ignore_depth=0.0,
)
BATCH, HEIGHT, WIDTH = 3, 9, 11


def supported_names(field):
    with pytest.raises(ValueError, match=field) as error:
        LOSSES.get(field)(TermOptions(name="?"), INFO)
    supported = re.search("supported: (.*)", str(error.value))
    # A term without a choice takes no name.
    return supported.group(1).split(", ") if supported else [""]


# No pixels to choose from: a mean over slots, a variance, and one class an image.
WITHOUT_TOP_K = {"pq_style_loss", "depth_loss", "class_loss"}
# Slots learn that there is no object on void.
LEARNS_FROM_VOID = {"pq_style_loss"}
CASES = [
    (field, name, fraction)
    for field in LOSSES.names()
    for name in supported_names(field)
    for fraction in ((1.0,) if field in WITHOUT_TOP_K else (1.0, 0.25))
]
SLOTS = 7


def build(field, name, fraction=1.0):
    """Returns a term; the one that draws pixels draws all of them."""
    options = TermOptions(name=name, top_k_percent=fraction)
    return LOSSES.get(field)(options, INFO)


def example(seed=0, valid=True):
    rng = np.random.default_rng(seed)
    shape = [BATCH, HEIGHT, WIDTH]
    labels = rng.integers(0, INFO.num_classes, shape)
    labels[rng.random(shape) < 0.2] = INFO.ignore_label
    weight = (rng.random(shape) < 0.7).astype("float32")
    depth = rng.uniform(1, 80, shape) * (rng.random(shape) < 0.7)
    if not valid:
        labels[:] = INFO.ignore_label
        weight[:] = 0
        depth[:] = 0
    things = np.select([labels == 3, labels == 4], [0, 1], -1)
    return Example(
        image=None,
        thing_id_mask_gt=tf.constant(things, tf.int32),
        thing_id_class_gt=tf.constant([[3, 4, -1]] * BATCH, tf.int32),
        semantic_gt=tf.constant(labels, tf.int32),
        semantic_loss_weight=tf.constant(weight),
        instance_center_gt=tf.constant(rng.random(shape), tf.float32),
        center_loss_weight=tf.constant(weight),
        instance_regression_gt=tf.constant(rng.normal(size=[*shape, 2]), tf.float32),
        regression_loss_weight=tf.constant(weight),
        frame_offset_gt=tf.constant(rng.normal(size=[*shape, 2]), tf.float32),
        frame_regression_loss_weight=tf.constant(weight),
        next_instance_regression_gt=tf.constant(
            rng.normal(size=[*shape, 2]), tf.float32
        ),
        next_regression_loss_weight=tf.constant(weight),
        depth_gt=tf.constant(depth, tf.float32),
        class_gt=tf.constant([0, 4, 2] if valid else [255] * BATCH, tf.int32),
    )


def outputs(seed=0, dtype=tf.float32):
    """Returns every field of every model output."""
    rng = np.random.default_rng(seed)
    channels = {
        "semantic_logits": 5,
        "center_heatmap": 1,
        "offset_map": 2,
        "pixel_space_mask_logits": SLOTS,
        "pixel_space_normalized_feature": 4,
        "frame_offset_map": 2,
        "next_offset_map": 2,
    }
    maps = {
        name: tf.constant(rng.normal(size=[BATCH, HEIGHT, WIDTH, c]), dtype)
        for name, c in channels.items()
    }
    depth = rng.uniform(1, 80, [BATCH, HEIGHT, WIDTH, 1])
    classes = tf.constant(rng.normal(size=[BATCH, SLOTS, 6]), dtype)
    return {
        **maps,
        "depth_pred": tf.constant(depth, dtype),
        "transformer_class_logits": classes,
        "class_logits": tf.constant(rng.normal(size=[BATCH, 5]), dtype),
    }


def gradients(term, batch, fields):
    with tf.GradientTape() as tape:
        tape.watch(fields)
        value = term(batch, SimpleNamespace(**fields))
    gradient = tape.gradient(value, fields)
    return value, {name: g for name, g in gradient.items() if g is not None}


@pytest.mark.parametrize(("field", "name", "fraction"), CASES)
def test_is_finite_positive_and_per_sample(field, name, fraction):
    value, gradient = gradients(build(field, name, fraction), example(), outputs())
    assert value.dtype == tf.float32
    assert value.shape == [BATCH]
    assert np.all(np.isfinite(value))
    assert np.all(value > 0)
    assert gradient, "no output of the model moves this loss"
    for g in gradient.values():
        assert np.all(np.isfinite(g))
        assert np.any(g)


@pytest.mark.parametrize(("field", "name", "fraction"), CASES)
def test_nothing_valid_costs_nothing(field, name, fraction):
    if field in LEARNS_FROM_VOID:
        pytest.skip("learns that there is no object on void")
    value, gradient = gradients(
        build(field, name, fraction), example(valid=False), outputs()
    )
    np.testing.assert_array_equal(value, np.zeros(BATCH))
    for g in gradient.values():
        assert not np.any(g)


@pytest.mark.parametrize(("field", "name", "fraction"), CASES)
def test_samples_are_independent(field, name, fraction):
    term = build(field, name, fraction)
    first, second = outputs(0), outputs(1)
    mixed = {k: tf.concat([first[k][:1], second[k][1:]], 0) for k in first}
    value = term(example(), SimpleNamespace(**first))
    other = term(example(), SimpleNamespace(**mixed))
    np.testing.assert_array_equal(value[0], other[0])
    assert np.all(value[1:] != other[1:])


@pytest.mark.parametrize(("field", "name", "fraction"), CASES)
def test_takes_outputs_of_low_precision(field, name, fraction):
    term = build(field, name, fraction)
    value = term(example(), SimpleNamespace(**outputs(dtype=tf.bfloat16)))
    expected = term(example(), SimpleNamespace(**outputs()))
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value, expected, rtol=0.05)


@pytest.mark.parametrize(("field", "name", "fraction"), CASES)
def test_compiles(field, name, fraction):
    term = build(field, name, fraction)
    arguments = example(), outputs()
    expected = term(arguments[0], SimpleNamespace(**arguments[1]))
    compiled = tf.function(
        lambda batch, fields: term(batch, SimpleNamespace(**fields)), jit_compile=True
    )
    np.testing.assert_allclose(compiled(*arguments), expected, rtol=1e-5)


@pytest.mark.parametrize("field", LOSSES.names())
def test_refuses_a_top_k_share_out_of_range(field):
    name = supported_names(field)[0]
    with pytest.raises(ValueError, match="top_k_percent"):
        build(field, name, 0.0)
