import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import deeplab
from deeplab.trainer.checkpointing import CheckpointStore
from deeplab.weights.error import WeightsError
from deeplab.weights.restore import restore_all, restore_matching
from tests.trainer import tiny


@pytest.fixture
def saved(tmp_path):
    """A checkpoint as published ones are: model, step and optimizer."""
    model = tiny.build_model(seed=5)
    checkpoint = tf.train.Checkpoint(
        **model.checkpoint_items, global_step=tf.Variable(9), optimizer=tf.Module()
    )
    prefix = checkpoint.write(str(tmp_path / "published" / "ckpt-9"))
    return model, prefix


def _archive(prefix, path, name=None):
    with tarfile.open(path, "w:gz") as tar:
        for suffix in (".index", ".data-00000-of-00001"):
            tar.add(prefix + suffix, arcname=f"inside/{name or 'model'}{suffix}")
    return str(path)


def _same(a, b):
    return all(
        np.array_equal(x.numpy(), y.numpy())
        for x, y in zip(a.variables, b.variables, strict=True)
    )


@pytest.mark.parametrize("kind", ["prefix", "folder", "index", "tar.gz"])
def test_every_kind_of_path(saved, tmp_path, kind):
    model, prefix = saved
    path = {
        "prefix": prefix,
        "folder": str(tmp_path / "published"),
        "index": prefix + ".index",
        "tar.gz": _archive(prefix, tmp_path / "model.tar.gz"),
    }[kind]
    other = tiny.build_model(seed=6)
    assert not _same(model, other)
    report = restore_matching(path, other.checkpoint_items)
    assert _same(model, other)
    assert len(report.restored) == len(model.variables)
    assert not report.skipped
    assert not report.missing


def test_what_does_not_fit_is_listed_and_left_alone(saved):
    model, prefix = saved
    other = tiny.build_model(seed=6, classes=7)
    last = other.semantic_last_layer
    before = last.kernel.numpy()
    items = {**other.checkpoint_items, "extra": tf.Module()}
    items["extra"].weight = tf.Variable(1.0)
    report = restore_matching(prefix, items)
    np.testing.assert_array_equal(last.kernel, before)
    np.testing.assert_array_equal(
        other.encoder.layers[0].kernel, model.encoder.layers[0].kernel
    )
    assert report.skipped == {
        "semantic_last_layer/kernel": ([1, 1, 4, 3], [1, 1, 4, 7]),
        "semantic_last_layer/bias": ([3], [7]),
    }
    assert report.missing == ["extra/weight"]
    table = report.table()
    assert "encoder                     6                        0        0" in table
    assert (
        "skipped semantic_last_layer/bias: [3] in the file, [7] in the model" in table
    )
    assert "missing extra/weight" in table
    assert report.unused == []


def test_the_model_gardens_place_of_the_encoder(tmp_path):
    model = tiny.build_model(seed=5)
    checkpoint = tf.train.Checkpoint(
        backbone=tf.train.Checkpoint(_encoder=model.encoder)
    )
    prefix = checkpoint.write(str(tmp_path / "garden"))
    other = tiny.build_model(seed=6)
    restore_matching(prefix, {"encoder": other.encoder})
    assert _same(model.encoder, other.encoder)


def test_weights_saved_of_the_encoder_alone(tmp_path):
    model = tiny.build_model(seed=5)
    model.encoder.save_weights(str(tmp_path / "encoder"))
    other = tiny.build_model(seed=6)
    report = restore_matching(str(tmp_path / "encoder"), {"encoder": other.encoder})
    assert not report.missing
    assert _same(model.encoder, other.encoder)


def test_weights_by_the_names_of_their_layers(tmp_path):
    prefix = str(tmp_path / "moat")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=["moat/block_01_00/se/reduce_conv2d/bias", "global_step"],
        shape_and_slices=["", ""],
        tensors=[tf.constant([3.0, 4.0]), tf.constant(7)],
    )
    encoder, squeeze = tf.Module(), tf.Module()
    encoder._blocks = [[], [tf.Module()]]
    encoder._blocks[1][0]._se = squeeze
    squeeze._se_reduce = tf.Module()
    squeeze._se_reduce.bias = tf.Variable([0.0, 0.0])
    report = restore_matching(prefix, {"encoder": encoder})
    assert report.restored == ["encoder/_blocks/1/0/_se/_se_reduce/bias"]
    np.testing.assert_array_equal(squeeze._se_reduce.bias, [3, 4])


def test_nothing_in_common_is_an_error(saved):
    _, prefix = saved
    module = tf.Module()
    module.weight = tf.Variable([1.0])
    with pytest.raises(WeightsError, match="nothing in this checkpoint fits") as e:
        restore_matching(prefix, {"decoder": module})
    assert "it contains" in str(e.value)
    assert "encoder" in str(e.value)


def test_what_nothing_asked_for_is_listed(saved):
    model, prefix = saved
    report = restore_matching(prefix, {"encoder": model.encoder})
    # Neither the step nor the counter of saves is a weight.
    assert report.unused == ["semantic_last_layer/bias", "semantic_last_layer/kernel"]
    lines = [line.split() for line in report.table().splitlines()]
    assert ["semantic_last_layer", "0", "0", "0", "2"] in lines
    assert ["unused", "semantic_last_layer/kernel"] in lines


def test_all_or_nothing(saved):
    """A file that lacks a weight leaves the model as it is."""
    _, prefix = saved
    other = tiny.build_model(seed=6, classes=7)
    before = [v.numpy() for v in other.variables]
    with pytest.raises(WeightsError, match="does not contain the whole model") as error:
        restore_all(prefix, other.checkpoint_items)
    assert "skipped semantic_last_layer/bias: [3] in the file, [7] in the model" in str(
        error.value
    )
    for variable, value in zip(other.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_public_function(saved):
    model, prefix = saved
    other = tiny.build_model(seed=6)
    report = deeplab.load_weights(other, Path(prefix + ".index"))
    assert report.is_whole
    assert _same(model, other)
    larger = tiny.build_model(seed=6, classes=7)
    with pytest.raises(WeightsError, match="does not contain the whole model"):
        deeplab.load_weights(larger, prefix)
    report = deeplab.load_weights(larger, prefix, strict=False)
    assert _same(model.encoder, larger.encoder)
    assert not report.is_whole
    assert set(report.skipped) == {
        "semantic_last_layer/kernel",
        "semantic_last_layer/bias",
    }


def test_not_strict_still_wants_something(saved, tmp_path):
    prefix = tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "x"))
    with pytest.raises(WeightsError, match="nothing in this checkpoint fits"):
        deeplab.load_weights(tiny.build_model(), prefix, strict=False)


def test_a_model_of_elsewhere_is_refused(saved):
    _, prefix = saved
    with pytest.raises(TypeError, match=r"Conv2D has no checkpoint_items: .*build_mod"):
        deeplab.load_weights(tf_keras.layers.Conv2D(1, 1), prefix)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
def test_numbers_of_another_type(tmp_path, dtype):
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "x"),
        tensor_names=["module/weight"],
        shape_and_slices=[""],
        tensors=[tf.constant([3, 4], dtype)],
    )
    module = tf.Module()
    module.weight = tf.Variable([0.0, 0.0])
    restore_all(tmp_path / "x", {"module": module})
    np.testing.assert_array_equal(module.weight, [3, 4])


def test_weights_of_16_bits_take_those_of_32(tmp_path):
    model, small = tf.Module(), tf.Module()
    model.weight = tf.Variable([1.5, -2.0])
    small.weight = tf.Variable(tf.zeros([2], tf.bfloat16))
    prefix = tf.train.Checkpoint(module=model).write(str(tmp_path / "x"))
    restore_all(prefix, {"module": small})
    np.testing.assert_array_equal(tf.cast(small.weight, tf.float32), [1.5, -2])


def test_a_run_and_its_best(tmp_path):
    """The newest checkpoint of a run, whose folder holds more, and the best one."""
    model, step = tiny.build_model(seed=5), tf.Variable(1, dtype=tf.int64)
    extra = {"examples": tf.Variable(8), "random": tf.random.Generator.from_seed(1)}
    store = CheckpointStore(tmp_path, model.checkpoint_items, step, extra)
    store.save()
    store.save_if_best("metric", 1.0)
    best = tiny.build_model(seed=6)
    assert deeplab.load_weights(best, tmp_path / "best").is_whole
    assert _same(best, model)
    for variable in model.variables:
        variable.assign(variable + 1)
    step.assign(2)
    store.save()
    newest = tiny.build_model(seed=6)
    report = deeplab.load_weights(newest, tmp_path)
    assert _same(newest, model)
    assert not _same(newest, best)
    assert report.unused == []
