import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.trainer.checkpointing import CheckpointError
from deeplab.trainer.initial_checkpoint import restore_matching
from deeplab.trainer.run_folder import RunFolder
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


@pytest.mark.parametrize("kind", ["prefix", "folder", "index", "tar.gz"])
def test_every_kind_of_path_in_an_object_store(saved, tmp_path, kind):
    model, prefix = saved
    archive = _archive(prefix, tmp_path / "model.tar.gz")
    stores = [RunFolder("ram://published"), RunFolder("ram://archives")]
    for store, sources in zip(
        stores,
        ([f"{prefix}.index", f"{prefix}.data-00000-of-00001"], [archive]),
        strict=True,
    ):
        store.make()
        for source in map(Path, sources):
            store.write(source.name, source.read_bytes())
    path = {
        "prefix": stores[0].join("ckpt-9"),
        "folder": stores[0].path,
        "index": stores[0].join("ckpt-9.index"),
        "tar.gz": stores[1].join("model.tar.gz"),
    }[kind]
    other = tiny.build_model(seed=6)
    try:
        assert not restore_matching(path, other.checkpoint_items).missing
    finally:
        for store in stores:
            tf.io.gfile.rmtree(store.path)
    assert _same(model, other)


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
    assert "skipped semantic_last_layer/bias: [3] there, [7] here" in table
    assert "missing extra/weight" in table


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
    with pytest.raises(CheckpointError, match="nothing in this checkpoint fits") as e:
        restore_matching(prefix, {"decoder": module})
    assert "it holds" in str(e.value)
    assert "encoder" in str(e.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/ckpt-1", "no such checkpoint"),
        ("nowhere/ckpt-1.index", "no such checkpoint"),
        ("ram://nowhere/a.tar.gz", "ram://nowhere/a.tar.gz: cannot unpack"),
        (".", "expected one checkpoint inside, found 0"),
        ("broken.tar.gz", "cannot unpack"),
        ("absent.tar.gz", "cannot unpack"),
        ("broken.index", "cannot read the checkpoint"),
    ],
)
def test_bad_paths(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.tar.gz").write_bytes(b"not an archive")
    if path == "broken.index":
        (tmp_path / "broken.index").write_bytes(b"not an index")
    with pytest.raises(CheckpointError, match=message):
        restore_matching(path, tiny.build_model().checkpoint_items)


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path):
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("../outside.index")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    with pytest.raises(CheckpointError, match="cannot unpack"):
        restore_matching(str(path), tiny.build_model().checkpoint_items)
    assert not (tmp_path.parent / "outside.index").exists()
