import json
import resource

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from deeplab.trainer.checkpointing import (
    CheckpointError,
    CheckpointStore,
    list_checkpoints,
)
from tests.trainer import tiny


def _store(folder, model=None, keep=2, resumable=True):
    model = model or tiny.build_model()
    step = tf.Variable(0, dtype=tf.int64)
    optimizer = tf_keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(model.trainable_variables)
    run_items = {"optimizer": optimizer} if resumable else None
    return CheckpointStore(folder, model.checkpoint_items, step, run_items, keep), (
        model,
        step,
        optimizer,
    )


def _save(store, step, *values):
    for value in values:
        step.assign(value)
        store.save()


def _steps(folder):
    return [step for step, _ in list_checkpoints(folder)]


def test_the_newest_are_kept(tmp_path):
    store, (_, step, _) = _store(tmp_path)
    _save(store, step, 10, 20, 20, 30)
    assert _steps(tmp_path) == [20, 30]
    assert tf.train.latest_checkpoint(tmp_path).endswith("ckpt-30")


def test_everything_comes_back(tmp_path):
    store, (model, step, optimizer) = _store(tmp_path)
    rng = np.random.default_rng(0)
    for variable in [*model.variables, *optimizer.variables[1:]]:
        variable.assign(rng.normal(size=variable.shape))
    _save(store, step, 7)
    other, (model2, step2, optimizer2) = _store(tmp_path, tiny.build_model(seed=2))
    assert other.restore_newest() == 7
    assert int(step2) == 7
    for a, b in zip(
        [*model.variables, *optimizer.variables],
        [*model2.variables, *optimizer2.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_evaluation_reads_the_model_alone(tmp_path):
    store, (_, step, _) = _store(tmp_path)
    _save(store, step, 3)
    other, (_, step2, _) = _store(tmp_path, resumable=False)
    assert other.restore_newest() == 3
    assert int(step2) == 3


def test_an_empty_folder_has_nothing_to_restore(tmp_path):
    store, _ = _store(tmp_path)
    assert store.restore_newest() is None


@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, suffix, damage):
    store, (_, step, _) = _store(tmp_path)
    _save(store, step, 10, 20)
    path = tmp_path / f"ckpt-20{suffix}"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[len(content) // 2] ^= 255
    else:
        content = b""
    path.write_bytes(content)
    other, (_, step2, _) = _store(tmp_path)
    assert other.restore_newest() == 10
    assert int(step2) == 10


def test_a_missing_data_file_is_passed_over(tmp_path):
    store, (_, step, _) = _store(tmp_path)
    _save(store, step, 10, 20)
    (tmp_path / "ckpt-20.data-00000-of-00001").unlink()
    assert _store(tmp_path)[0].restore_newest() == 10


def test_only_damaged_checkpoints_is_an_error(tmp_path):
    store, (_, step, _) = _store(tmp_path)
    _save(store, step, 10)
    (tmp_path / "ckpt-10.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(CheckpointError, match="none of its 1 checkpoints can be read"):
        _store(tmp_path)[0].restore_newest()


def test_another_architecture_is_refused(tmp_path):
    store, (_, step, _) = _store(tmp_path)
    _save(store, step, 10)
    with pytest.raises(
        CheckpointError, match=r"has shape \[1, 1, 8, 3\], the .*\[1, 1, 4, 3\]"
    ):
        _store(tmp_path, tiny.build_model(width=8))[0].restore_newest()


def test_a_part_that_is_not_there_is_an_error(tmp_path):
    store, (_, step, _) = _store(tmp_path, resumable=False)
    _save(store, step, 10)
    with pytest.raises(
        CheckpointError, match=r"optimizer/.*the checkpoint does not have it"
    ):
        _store(tmp_path, resumable=True)[0].restore_newest()


def test_the_best_is_kept_apart(tmp_path):
    store, (model, step, _) = _store(tmp_path, keep=1)
    kernel = model.semantic_last_layer.kernel
    for number, value in [(10, 40.0), (20, 60.0), (30, 60.0), (40, 50.0)]:
        step.assign(number)
        kernel.assign(tf.fill(kernel.shape, float(number)))
        assert store.save_if_best("miou", value) == (number in (10, 20))
        store.save()
    assert _steps(tmp_path) == [40]
    assert _steps(tmp_path / "best") == [20]
    record = json.loads((tmp_path / "best" / "best.json").read_text())
    assert record == {"metric": "miou", "value": 60.0, "step": 20}
    best, (model2, _, _) = _store(tmp_path / "best", resumable=False)
    assert best.restore_newest() == 20
    np.testing.assert_array_equal(model2.semantic_last_layer.kernel, 20.0)
    # A later run goes on from there.
    assert not _store(tmp_path)[0].save_if_best("miou", 55.0)


def test_a_full_disk_leaves_the_earlier_ones_intact(tmp_path):
    store, (model, step, _) = _store(tmp_path, tiny.build_model(width=2000))
    _save(store, step, 10)
    before = sorted(p.name for p in tmp_path.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(CheckpointError, match=r"cannot write ckpt-20 .*ckpt-10"):
            _save(store, step, 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert _store(tmp_path, model)[0].restore_newest() == 10
    # With space again, the same run saves.
    _save(store, step, 20)
    assert _steps(tmp_path) == [10, 20]


def test_keeping_none_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="num_checkpoints_to_keep 0"):
        _store(tmp_path, keep=0)
